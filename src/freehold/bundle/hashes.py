"""Tables of digests: found by size first, so that most content need not be hashed at all."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from freehold.bundle.layout import ANY_SIZE, DIGEST_BYTES, FENCE
from freehold.bundle.mapped import Mapped
from freehold.model.errors import TrustError

_NONE = (0, 0)


class HashTable:
    """All digests of one algorithm, of one kind of thing that is hashed.

    Args:
        algorithm: a key of ``DIGEST_BYTES``.
        columns: the files of the table by their last name (``bundle.layout``).

    Attributes:
        algorithm: as given.
        any_size: the range of the digests that apply whatever the size is.
    """

    __slots__ = ("_abouts", "_columns", "_digests", "_fence", "_sizes", "_starts", "_width", "algorithm", "any_size")

    def __init__(self, algorithm: str, columns: dict[str, Mapped]) -> None:
        self.algorithm = algorithm
        self._columns = columns
        self._width = DIGEST_BYTES[algorithm]
        self._sizes = columns["sizes"].data.cast("Q")
        self._fence = columns["fence"].data.cast("Q")
        self._starts = columns["starts"].data.cast("I")
        self._digests = columns["digests"].data
        self._abouts = columns["abouts"].data.cast("I")
        columns["fence"].touch(0, len(columns["fence"].data))
        entries = len(self._abouts)
        whole = (
            len(self._starts) == len(self._sizes) + 1
            and len(self._fence) == -(-len(self._sizes) // FENCE)
            and len(self._digests) == entries * self._width
        )
        if not whole:
            raise TrustError(f"the table of {algorithm} hashes does not fit together; build the database again")
        self.any_size = self.of_size(ANY_SIZE)

    def __len__(self) -> int:
        return len(self._abouts)

    def of_size(self, size: int) -> tuple[int, int]:
        """Return the range of entries for content of ``size`` bytes; it is empty when there are none."""
        block = bisect_right(self._fence, size) - 1
        if block < 0:
            return _NONE
        first = block * FENCE
        last = min(first + FENCE, len(self._sizes))
        self._columns["sizes"].touch(first * 8, last * 8)
        index = bisect_left(self._sizes, size, first, last)
        if index == last or self._sizes[index] != size:
            return _NONE
        self._columns["starts"].touch(index * 4, index * 4 + 8)
        return self._starts[index], self._starts[index + 1]

    def find(self, entries: tuple[int, int], digest: bytes) -> Iterator[int]:
        """Yield the about-record of each entry with this digest in a range of entries."""
        low, end = entries
        high = end
        while low < high:
            middle = (low + high) // 2
            if self._digest(middle) < digest:
                low = middle + 1
            else:
                high = middle
        while low < end and self._digest(low) == digest:
            self._columns["abouts"].touch(low * 4, low * 4 + 4)
            yield self._abouts[low]
            low += 1

    def _digest(self, entry: int) -> bytes:
        return self._columns["digests"].bytes(entry * self._width, (entry + 1) * self._width)
