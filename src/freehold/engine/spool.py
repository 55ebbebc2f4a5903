"""Where decoded content lies while it is examined: small pieces in memory, large ones in an unlinked file.

The spool is a stack, as the examination is depth-first: what was taken last is given back first. The descriptor was
opened before the worker gave up its rights; nothing here can open another.
"""

import os

from freehold.model.view import RESIDENT, BytesView, FileView, View


class Spool:
    """A stack of regions of one file; without a descriptor everything stays in memory.

    One region is written at a time: ``begin``, ``write`` …, ``finish``.
    """

    __slots__ = ("_chunks", "_dirty", "_fd", "_pending", "_spilled", "_top")

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self._top = 0
        self._dirty = False
        self.begin()

    def begin(self) -> None:
        """Start the next region; what an unfinished one held is forgotten."""
        self._chunks: list[bytes] = []
        self._pending = 0
        self._spilled = 0

    def write(self, chunk: bytes) -> None:
        """Add a chunk to the region; raises ``OSError`` when the disk is full."""
        self._chunks.append(chunk)
        self._pending += len(chunk)
        if self._pending > RESIDENT and self._fd is not None:
            self._spill(self._fd)

    def finish(self) -> View:
        """Return all that was written since ``begin``; it lasts until the mark taken before is released."""
        if not self._spilled or self._fd is None:
            return BytesView(self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks))
        self._spill(self._fd)
        view = FileView(self._fd, self._top, self._spilled)
        self._top += self._spilled
        return view

    @property
    def mark(self) -> int:
        """The top of the stack, for ``release``."""
        return self._top

    def release(self, mark: int) -> None:
        """Give back everything that was taken since ``mark``; an empty spool frees its disk space."""
        self._top = mark
        if mark == 0 and self._dirty and self._fd is not None:
            os.ftruncate(self._fd, 0)
            self._dirty = False

    def _spill(self, fd: int) -> None:
        self._dirty = True
        for chunk in self._chunks:
            left = memoryview(chunk)
            while left:
                written = os.pwrite(fd, left, self._top + self._spilled)
                self._spilled += written
                left = left[written:]
        self._chunks.clear()
        self._pending = 0
