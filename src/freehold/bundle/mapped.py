"""One file of a segment, verified before it is believed."""

import mmap
import os
from pathlib import Path

from freehold.bundle.layout import BLOCK, SUM, block_sum
from freehold.model.errors import TrustError

_KEPT = 128
"""Touches of a large file after which its pages are given back. Each brings 64 KiB into the memory at most (Linux maps
so much around a page that is asked for); what is asked for again comes back from the page cache in a microsecond."""


class Mapped:
    """The bytes of a file. Those of a large file are mapped, and each block is verified when it is first touched.

    The file must not be changed while it is mapped: bundles are replaced as a whole, never written to. Pages that were
    touched are given back now and then, so that a process takes no more memory the more different files it examines.

    Attributes:
        data: everything; call ``touch`` for a range before reading it.
    """

    __slots__ = ("_name", "_sums", "_touches", "_unseen", "data")

    def __init__(self, name: str, data: memoryview, sums: bytes | None) -> None:
        self._name = name
        self._sums = sums
        self._touches = 0
        self._unseen = None if sums is None else bytearray(b"\1") * -(-len(data) // BLOCK)
        self.data = data

    def touch(self, start: int, end: int) -> None:
        """Verify the blocks of the byte range [start, end) that have not been looked at; raises ``TrustError``."""
        if self._unseen is None:
            return
        self._touches += 1
        if self._touches > _KEPT:
            self._touches = 0
            give_back(self.data)
        for block in range(start // BLOCK, -(-end // BLOCK)):
            if self._unseen[block]:
                self._verify(block)

    def bytes(self, start: int, end: int) -> bytes:
        """Return a copy of a verified range."""
        self.touch(start, end)
        return bytes(self.data[start:end])

    def _verify(self, block: int) -> None:
        assert self._sums is not None  # noqa: S101 - only reached where there are blocks
        assert self._unseen is not None  # noqa: S101 - see above
        begin = block * BLOCK
        if block_sum(self.data[begin : begin + BLOCK]) != self._sums[block * SUM : (block + 1) * SUM]:
            raise TrustError(f"{self._name} is damaged near byte {begin}; build or fetch the database again")
        self._unseen[block] = 0


def map_file(path: Path, size: int) -> memoryview:
    """Map a file that must have ``size`` bytes (more than none); raises ``TrustError``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}") from error
    try:
        if os.fstat(fd).st_size != size:
            raise TrustError(f"{path} is truncated or damaged; build or fetch the database again")
        return memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise TrustError(f"{path}: cannot be mapped: {error}") from error
    finally:
        os.close(fd)


def give_back(data: memoryview) -> None:
    """Take the pages of a mapped file out of this process' memory; they stay readable."""
    if isinstance(data.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.obj.madvise(mmap.MADV_DONTNEED)


def read_file(path: Path, size: int) -> bytes:
    """Read a file that must have ``size`` bytes; raises ``TrustError``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb", buffering=0) as file:
            data = file.read(size + 1) if os.fstat(fd).st_size == size else None
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}") from error
    if data is None or len(data) != size:
        raise TrustError(f"{path} is truncated or damaged; build or fetch the database again")
    return data
