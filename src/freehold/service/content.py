"""Content that a client sends: in memory while it is small, then in a file without a name."""

import hashlib
import os

from freehold.sandbox.spool import open_spool, spool_directory

SMALL = 64 * 1024
"""Bytes that are kept in memory."""

_DIGESTED = 1 << 20
"""Bytes up to which a content has a digest: longer ones come seldom twice, and digests take the loop's time."""


class Content:
    """Takes content piece by piece; its descriptor goes to whoever examines it.

    Attributes:
        size: bytes that have been taken.
    """

    __slots__ = ("_digest", "_fd", "size")

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._fd = os.memfd_create("content", os.MFD_CLOEXEC)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take a piece; raises ``OSError`` when there is no room for it."""
        if self.size <= SMALL < self.size + len(data):
            self._move()
        left = memoryview(data)
        while left:
            left = left[os.write(self._fd, left) :]
        self.size += len(data)
        if self.size <= _DIGESTED:
            self._digest.update(data)

    def digest(self) -> bytes:
        """Return the SHA-256 of what has been taken, b"" when it is long."""
        return self._digest.digest() if self.size <= _DIGESTED else b""

    def fileno(self) -> int:
        """Return the descriptor, which stays this object's."""
        return self._fd

    def detach(self) -> int:
        """Return the descriptor, which is the caller's from now on."""
        fd, self._fd = self._fd, -1
        return fd

    def close(self) -> None:
        """Forget the content, if it is still here."""
        if self._fd >= 0:
            os.close(self.detach())

    def _move(self) -> None:
        spool = open_spool(spool_directory())
        try:
            offset = 0
            while sent := os.sendfile(spool, self._fd, offset, SMALL):
                offset += sent
        except BaseException:
            os.close(spool)
            raise
        os.close(self._fd)
        self._fd = spool
