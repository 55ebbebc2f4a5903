"""Byte ranges of a container: which of them a reading has claimed, and what is left over."""

from collections.abc import Iterator

from freehold.model.interfaces import Child, Unpacking
from freehold.model.view import View

TRIVIAL = 32
"""Left-over ranges below this many bytes are not examined on their own: data descriptors, padding."""

_BLANK = bytes(1 << 16)


class Extents:
    """The claimed ranges of one container, in bytes from its start."""

    __slots__ = ("_ranges",)

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        """Claim [start, end); a range that touches the one claimed before is merged with it."""
        if self._ranges:
            last_start, last_end = self._ranges[-1]
            if last_start <= start <= last_end:
                self._ranges[-1] = (last_start, max(last_end, end))
                return
        self._ranges.append((start, end))

    def __len__(self) -> int:
        return len(self._ranges)

    @property
    def last_end(self) -> int:
        """Where the range ends that was claimed or extended last; 0 when there is none."""
        return self._ranges[-1][1] if self._ranges else 0

    def gaps(self, size: int) -> list[tuple[int, int]]:
        """Return what is not claimed of the first ``size`` bytes, in ascending order."""
        found = []
        position = 0
        for start, end in sorted(self._ranges):
            if start > position:
                found.append((position, min(start, size)))
            position = max(position, end)
        if position < size:
            found.append((position, size))
        return found


def is_blank(view: View, start: int, end: int) -> bool:
    """Tell whether [start, end) holds nothing but zero bytes."""
    while start < end:
        piece = view.read(start, min(len(_BLANK), end - start))
        if piece != _BLANK[: len(piece)]:
            return False
        start += len(_BLANK)
    return True


def skip_zeros(view: View, position: int, unpacking: Unpacking) -> int:
    """Return the position of the first byte at or behind ``position`` that is not zero."""
    while True:
        piece = view.read(position, len(_BLANK))
        zeros = len(piece) - len(piece.lstrip(b"\0"))
        position += zeros
        if not piece or zeros < len(piece):
            return position
        unpacking.budget.tick()


def rest(view: View, start: int, end: int) -> Iterator[Child]:
    """Yield the range [start, end) as a child, unless it is trivial, blank, or the whole container again."""
    if TRIVIAL <= end - start < view.size and not is_blank(view, start, end):
        yield Child("rest", view.slice(start, end - start))
