"""Compressed streams: one bounded decoding loop for all codecs.

Input is fed in small pieces and output is taken in bounded chunks, so a stream that promises gigabytes costs only what
is asked of it, and the bytes consumed so far mean something for the ratio limit. What came out before a stream turned
out to be damaged or cut off counts: it is yielded, then a problem is recorded.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from freehold.formats.extents import rest
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

INPUT = 1 << 16
"""Bytes that a decoder is fed at once, at most."""

_FIRST_INPUT = 1 << 11
"""Bytes that it is fed at first, then twice as many each time: many streams are short, and others follow them."""

OUTPUT = 1 << 20
"""Bytes that a decoder may produce at once."""

_HEADER = 16
"""Bytes at the start of a stream that are fed together even where all others are fed one by one."""


class Decoder(Protocol):
    """What the decoders of ``bz2``, ``lzma`` and ``zstd`` have in common."""

    @property
    def eof(self) -> bool:
        """True once the stream's end mark was seen."""

    @property
    def needs_input(self) -> bool:
        """False while more output is waiting for the input that was already fed."""

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond the end mark."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Feed bytes (none unless they are needed) and return up to ``max_length`` decoded ones."""


class Codec(NamedTuple):
    """One way of compressing.

    Attributes:
        name: for people.
        open: returns a decoder that allocates no more than the given number of bytes for its window.
        errors: what that decoder raises for damaged input.
        ends: False when a stream may end without an end mark.
    """

    name: str
    open: Callable[[int], Decoder]
    errors: tuple[type[Exception], ...]
    ends: bool = True


class Stream:
    """One compressed stream inside a view.

    Attributes:
        position: how far the decoder has read; once finished, the first byte behind the stream.
        finished: whether the stream was decoded whole.
    """

    __slots__ = ("_called", "_codec", "_end", "_start", "_unpacking", "_view", "finished", "position")

    def __init__(
        self, view: View, start: int, codec: Codec, unpacking: Unpacking, *, end: int | None = None, label: str = ""
    ) -> None:
        self._view = view
        self._codec = codec
        self._unpacking = unpacking
        self._start = start
        self._end = view.size if end is None else min(end, view.size)
        self._called = label
        self.position = start
        self.finished = False

    @property
    def _label(self) -> str:
        return self._called or f"the {self._codec.name} stream at byte {self._start}"

    @property
    def _errors(self) -> tuple[type[Exception], ...]:
        return (*self._codec.errors, MemoryError)

    def consumed(self) -> int:
        """Return how many bytes the decoder has read so far."""
        return self.position - self._start

    def chunks(self) -> Iterator[bytes]:
        """Yield what the decoder produces; records a problem when the stream is damaged or cut off."""
        produced = 0
        fed = self.position
        piece = _FIRST_INPUT
        try:
            decoder = self._open()
            while not decoder.eof:
                data = b""
                if decoder.needs_input:
                    fed = self.position
                    data = self._feed(piece)
                    piece = min(2 * piece, INPUT)
                    if not data:
                        self._cut_off()
                        return
                out = decoder.decompress(data, OUTPUT)
                if out:
                    produced += len(out)
                    yield out
                else:
                    self._unpacking.budget.tick()
        except self._errors as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the file could not be read; bz2's own errors carry no number
            yield from self._salvage(fed, produced)
            self._damaged(error)
            return
        self.position -= len(decoder.unused_data)
        self.finished = True

    def _open(self) -> Decoder:
        return self._codec.open(self._unpacking.budget.limits.decoder_memory)

    def _feed(self, length: int) -> bytes:
        data = self._view.read(self.position, min(length, self._end - self.position))
        self.position += len(data)
        return data

    def _cut_off(self) -> None:
        if self._codec.ends:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{self._label} is cut off")
        else:
            self.finished = True

    def _damaged(self, error: Exception) -> None:
        text = str(error)
        if isinstance(error, MemoryError) or "memory" in text.lower():
            limit = self._unpacking.budget.limits.decoder_memory
            self._unpacking.problem(ProblemKind.LIMIT, f"{self._label} needs more than {limit} bytes to be decoded")
        elif "dictionary" in text.lower():
            self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{self._label} needs a dictionary from elsewhere")
        else:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{self._label} is damaged: {text}")

    def _salvage(self, fed: int, produced: int) -> Iterator[bytes]:
        """Yield what the decoder had made out of its last piece of input when it failed, and threw away.

        It decodes the stream once more, the last piece byte by byte: readers that stop at a declared size never see the
        damage that follows it, so what comes before it must be examined.
        """
        self.position = self._start
        skip = produced
        try:
            decoder = self._open()
            while not decoder.eof:
                data = b""
                if decoder.needs_input:
                    least = _HEADER if self.position == self._start else 1
                    data = self._feed(min(INPUT, max(fed - self.position, least)))
                    if not data:
                        return
                out = decoder.decompress(data, OUTPUT)
                if len(out) > skip:
                    yield out[skip:]
                skip = max(0, skip - len(out))
                self._unpacking.budget.tick()
        except self._errors:
            return


class CheckedStream(Stream):
    """A stream with a trailer behind it, which begins with the CRC-32 of the content."""

    __slots__ = ("_trailer",)

    def __init__(
        self, view: View, start: int, codec: Codec, unpacking: Unpacking, *, trailer: int, label: str = ""
    ) -> None:
        """``trailer`` is its length."""
        super().__init__(view, start, codec, unpacking, label=label)
        self._trailer = trailer

    def chunks(self) -> Iterator[bytes]:
        """See ``Stream.chunks``; records a problem when the checksum differs."""
        checksum = 0
        for chunk in super().chunks():
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if not self.finished:
            return
        trailer = self._feed(self._trailer)
        if len(trailer) < self._trailer:
            self.finished = False
            self._cut_off()
        elif int.from_bytes(trailer[:4], "little") != checksum:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{self._label} has a wrong checksum")


class Concatenation:
    """Streams that stand one behind the other and make up one content.

    Attributes:
        position: how far has been read; once finished, the first byte behind the last stream.
        finished: whether all streams were decoded whole.
    """

    __slots__ = ("_begin", "_stream", "finished")

    def __init__(self, first: Stream, begin: Callable[[int], Stream | None]) -> None:
        """``begin`` returns the stream that begins at a position, None when there is none."""
        self._stream = first
        self._begin = begin
        self.finished = False

    @property
    def position(self) -> int:
        """See the class."""
        return self._stream.position

    def consumed(self) -> int:
        """Return how many bytes were read so far."""
        return self._stream.position

    def chunks(self) -> Iterator[bytes]:
        """Yield what all streams produce."""
        while True:
            yield from self._stream.chunks()
            if not self._stream.finished:
                return
            following = self._begin(self._stream.position)
            if following is None:
                self.finished = True
                return
            self._stream = following


def content(view: View, name: str, first: Stream, begin: Callable[[int], Stream | None]) -> Iterator[Child]:
    """Yield the content of concatenated streams, then what follows the last of them."""
    streams = Concatenation(first, begin)
    yield Child(name, streams.chunks(), streams.consumed)
    if streams.finished:
        yield from rest(view, streams.position, view.size)
