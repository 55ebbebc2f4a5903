"""The bytes that the signatures of one root look at."""

from collections.abc import Callable, Iterator, Sequence

from freehold.formats.literals import LiteralSearch
from freehold.model.view import View

RESIDENT = 16 << 20
"""Views of up to so many bytes are read as a whole, and kept: one signature after the other searches them."""

_NEAR = 1 << 16
"""A search over no more starts than this reads only what it needs of a large view."""


LONG = 1 << 18
"""From so many bytes on, all literals of a signature are looked for at once, when ``_ALONE`` were looked for alone."""

MOST_PLACES = 1 << 12
"""Places of one literal that are remembered; one that occurs more often is looked for alone."""

_ALONE = 8

Literal = tuple[bytes, bool]
"""What to look for, in lower case if its letters stand for either case, and whether they do."""


class Literals:
    """The literals that the bodies of one signature begin with looking for."""

    __slots__ = ("literals", "search")

    def __init__(self, literals: Sequence[Literal]) -> None:
        self.literals = literals
        self.search = LiteralSearch(literals)


class Text:
    """A view with what repeated searches would compute again: its bytes when it is small, in lower case too."""

    __slots__ = ("_alone", "_expected", "_lower", "_places", "_whole", "size", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self.size = view.size
        self._whole: bytes | None = None
        self._lower: bytes | None = None
        self._alone = 0
        self._expected: Callable[[], Literals] | None = None
        self._places: dict[Literal, list[int] | None] = {}

    def expect(self, literals: Callable[[], Literals]) -> None:
        """Say which literals the next searches may be for; it is asked when it is worth while."""
        self._alone = 0
        self._expected = literals

    def places(self, literal: Literal, span: int) -> list[int] | None:
        """Return where a literal starts, ascending; None when a search over ``span`` bytes should look for it alone."""
        if span < LONG or self._whole is None or self._expected is None:
            return None
        if literal in self._places:
            return self._places[literal]
        expected = self._expected()
        self._alone += 2 if literal[1] and self._lower is None else 1  # to copy all of it costs as much as a search
        if self._alone <= _ALONE and not expected.search.compiled:
            return None
        found, given_up = expected.search.places(self._whole, MOST_PLACES)
        for number, known in enumerate(expected.literals):
            self._places[known] = None if number in given_up else found[number]
        return self._places.get(literal)

    def stretches(self, first: int, last: int, before: int, after: int) -> Iterator[tuple[int, bytes, int, int]]:
        """Yield (offset, bytes, low, high): pieces that together hold every start from ``first`` to ``last``.

        In each piece the starts to look at are offset + low … offset + high - 1; ``before`` bytes before and
        ``after`` bytes behind each of them are in the piece, as far as they exist. ``last`` may be the size itself.
        """
        first, last = max(first, 0), min(last, self.size)
        if first > last:
            return
        if self.size <= RESIDENT:
            yield 0, self.whole(), first, last + 1
        elif last - first <= _NEAR:
            offset = max(0, first - before)
            yield offset, self.view.read(offset, last + after - offset), first - offset, last + 1 - offset
        else:
            yield from self._windows(first, last, before, after)

    def _windows(self, first: int, last: int, before: int, after: int) -> Iterator[tuple[int, bytes, int, int]]:
        for offset, window in self.view.windows(before + after):
            end = offset + len(window)
            high = last + 1 if end == self.size else min(end - after, last + 1)
            if first < high:
                yield offset, bytes(window), first - offset, high - offset
                first = high
            if first > last:
                return

    def whole(self) -> bytes:
        """Return all bytes; callers bound the size."""
        if self._whole is None:
            self._whole = self.view.read(0, self.size)
        return self._whole

    def lower(self, piece: bytes) -> bytes:
        """Return a piece in lower case (ASCII); that of a small view is kept."""
        if piece is not self._whole:
            return piece.lower()
        if self._lower is None:
            self._lower = piece.lower()
        return self._lower
