"""Records of different lengths, addressed by number and decoded one at a time."""

from freehold.bundle.layout import INVERTED
from freehold.bundle.mapped import Mapped
from freehold.model.errors import TrustError


class Records:
    """A blob with a column of offsets (u32), one more than there are records."""

    __slots__ = ("_blob", "_index", "_offsets")

    def __init__(self, index: Mapped, blob: Mapped) -> None:
        self._index = index
        self._blob = blob
        self._offsets = index.data.cast("I")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, number: int) -> bytes:
        """Return one record; raises ``TrustError`` when there is none or it is damaged."""
        if not 0 <= number < len(self):
            raise TrustError(f"the database has no record {number}; build or fetch it again")
        self._index.touch(number * 4, number * 4 + 8)
        return self._blob.bytes(self._offsets[number], self._offsets[number + 1]).translate(INVERTED)
