"""A file in the making: bytes are put in their places, and what is left over is filled at the end."""

from random import Random

from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.pieces import Piece

LARGEST = 8 << 20
"""Bytes of a carrier."""


class Canvas:
    """Grows as far as something is put; bytes that matter cannot be put twice unless they are equal."""

    __slots__ = ("_care", "_value")

    def __init__(self) -> None:
        self._value = bytearray()
        self._care = bytearray()

    @property
    def size(self) -> int:
        """Bytes up to the last one that was put."""
        return len(self._value)

    def fits(self, offset: int, value: bytes, care: bytes) -> bool:
        """Whether nothing else stands there."""
        if offset < 0 or offset + len(value) > LARGEST:
            return False
        there = zip(
            self._care[offset : offset + len(value)],
            self._value[offset : offset + len(value)],
            value,
            care,
            strict=False,
        )
        return all(not taken or not wanted or old == new for taken, old, new, wanted in there)

    def put(self, offset: int, value: bytes, care: bytes | None = None) -> None:
        """Put bytes there; raises ``CannotCarry`` when others stand there already."""
        care = b"\1" * len(value) if care is None else care
        if not self.fits(offset, value, care):
            raise CannotCarry(f"two things want to stand at {offset}")
        self.grow(offset + len(value))
        for index, wanted in enumerate(care, offset):
            if wanted:
                self._value[index] = value[index - offset]
                self._care[index] = 1

    def put_piece(self, start: int, piece: Piece) -> None:
        """Put a piece so that its match starts there."""
        self.put(start - piece.lead, piece.value, piece.care)

    def put_within(self, first: int, last: int, piece: Piece, rng: Random) -> None:
        """Put a piece so that its match starts from ``first`` to ``last``; raises ``CannotCarry`` without room."""
        candidates = {first, last, *(rng.randint(first, last) for _ in range(8))} if last >= first else set()
        for start in sorted(candidates, key=lambda _: rng.random()):
            if self.fits(start - piece.lead, piece.value, piece.care):
                self.put_piece(start, piece)
                return
        raise CannotCarry(f"there is no room from {first} to {last}")

    def get(self, offset: int, length: int) -> bytes | None:
        """Return bytes that were put, None unless all of them were."""
        if offset + length > self.size or 0 in self._care[offset : offset + length]:
            return None
        return bytes(self._value[offset : offset + length])

    def grow(self, size: int) -> None:
        """Make it at least so large; raises ``CannotCarry`` beyond ``LARGEST``."""
        if size > LARGEST:
            raise CannotCarry(f"the carrier would be larger than {LARGEST} bytes")
        missing = size - self.size
        if missing > 0:
            self._value += bytes(missing)
            self._care += bytes(missing)

    def finished(self, rng: Random, filler: bytes) -> bytes:
        """Return the bytes, everything that was not put filled at random."""
        to_filler = bytes(filler[byte % len(filler)] for byte in range(256))
        free = int.from_bytes(rng.randbytes(self.size).translate(to_filler), "big")
        where = int.from_bytes(self._care.translate(b"\xff\0" + bytes(254)), "big")
        return (free & where | int.from_bytes(self._value, "big")).to_bytes(self.size, "big")
