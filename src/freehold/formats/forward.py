"""What a decoder produces, taken from front to end in pieces of any size: contents that are packed together."""

from collections.abc import Iterator

_PIECE = 1 << 20


class Forward:
    """Takes bytes out of chunks.

    Attributes:
        position: how many bytes have been taken.
    """

    __slots__ = ("_at", "_chunks", "_piece", "position")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._piece = b""
        self._at = 0
        self.position = 0

    def take(self, size: int) -> Iterator[bytes]:
        """Yield the next ``size`` bytes, fewer at the end."""
        while size:
            if self._at >= len(self._piece):
                self._piece, self._at = next(self._chunks, b""), 0
                if not self._piece:
                    return
            piece = self._piece[self._at : self._at + min(size, _PIECE)]
            self._at += len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end, and leave them there."""
        while len(self._piece) - self._at < size and (more := next(self._chunks, b"")):
            self._piece, self._at = self._piece[self._at :] + more, 0
        return self._piece[self._at : self._at + size]

    def exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end."""
        return b"".join(self.take(size))
