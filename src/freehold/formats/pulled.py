"""Decoders of our own: generators that pull their input out of a view, and yield what they make of it.

For codecs that no library of the standard distribution has. ``PulledStream`` gives them the manners of
``streams.Stream``: what came out before damage counts.
"""

from collections.abc import Callable, Iterator

from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_PIECE = 1 << 16


class EndOfInput(Exception):
    """A decoder asked for more than there is."""


class Source:
    """The bytes [start, end) of a view, read forward.

    Attributes:
        position: of the byte that comes next, counted in the view.
    """

    __slots__ = ("_at", "_end", "_piece", "_view", "position")

    def __init__(self, view: View, start: int, end: int) -> None:
        self._view = view
        self._end = min(end, view.size)
        self._piece = b""
        self._at = 0
        self.position = start

    def byte(self) -> int:
        """Return the next byte; raises ``EndOfInput``."""
        if self._at >= len(self._piece):
            self._fill()
        value = self._piece[self._at]
        self._at += 1
        self.position += 1
        return value

    def take(self, length: int) -> bytes:
        """Return exactly ``length`` bytes; raises ``EndOfInput``."""
        data = self.up_to(length)
        if len(data) < length:
            raise EndOfInput
        return data

    def up_to(self, length: int) -> bytes:
        """Return the next ``length`` bytes, fewer at the end."""
        data = self._piece[self._at : self._at + length]
        self._at += len(data)
        self.position += len(data)
        missing = min(length - len(data), self._end - self.position)
        if missing > 0:
            if missing < _PIECE:
                self._fill()
                return data + self.up_to(missing)
            more = self._view.read(self.position, missing)
            self.position += len(more)
            data += more
        return data

    def seek(self, position: int) -> None:
        """Go on at another byte of the view."""
        self.position = position
        self._piece = b""
        self._at = 0

    def _fill(self) -> None:
        self._piece = self._view.read(self.position, min(_PIECE, self._end - self.position))
        self._at = 0
        if not self._piece:
            raise EndOfInput


Decode = Callable[[Source], Iterator[bytes]]
"""Yields what is decoded; raises ``EndOfInput`` or ``MalformedInput``."""


class PulledStream:
    """One compressed stream inside a view; see ``streams.Stream``.

    Attributes:
        finished: whether the stream was decoded whole.
    """

    __slots__ = ("_decode", "_label", "_source", "_start", "_unpacking", "finished")

    def __init__(
        self, view: View, start: int, decode: Decode, unpacking: Unpacking, *, end: int | None = None, label: str
    ) -> None:
        self._source = Source(view, start, view.size if end is None else end)
        self._start = start
        self._decode = decode
        self._unpacking = unpacking
        self._label = label
        self.finished = False

    @property
    def position(self) -> int:
        """How far the decoder has read; once finished, the first byte behind the stream."""
        return self._source.position

    def consumed(self) -> int:
        """Return how many bytes the decoder has read so far."""
        return self._source.position - self._start

    def chunks(self) -> Iterator[bytes]:
        """Yield what the decoder produces; records a problem when the stream is damaged or cut off."""
        try:
            for chunk in self._decode(self._source):
                if chunk:
                    yield chunk
        except EndOfInput:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{self._label} is cut off")
        except MalformedInput as error:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{self._label} is damaged: {error}")
        except LimitReached as error:
            self._unpacking.problem(ProblemKind.LIMIT, f"{self._label}: {error}")
        else:
            self.finished = True
