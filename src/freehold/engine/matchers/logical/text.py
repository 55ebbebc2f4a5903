"""The bytes that the signatures of one root look at."""

from collections.abc import Iterator

from freehold.model.view import View

RESIDENT = 16 << 20
"""Views of up to so many bytes are read as a whole, and kept: one signature after the other searches them."""

_NEAR = 1 << 16
"""A search over no more starts than this reads only what it needs of a large view."""


class Text:
    """A view with what repeated searches would compute again: its bytes when it is small, in lower case too."""

    __slots__ = ("_lower", "_whole", "size", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self.size = view.size
        self._whole: bytes | None = None
        self._lower: bytes | None = None

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
