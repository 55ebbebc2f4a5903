"""Read access to the content of an artifact, wherever it lies.

A view never copies what it stands on: a member that is stored uncompressed is a slice of its container.
Reads beyond the end are clipped, as with ``bytes`` slices, so a parser that asks for too much gets less and
must look at the length of what it got. A window that ``windows`` yields is valid only until the next one is asked for.
"""

import os
from collections.abc import Iterator

from freehold.model.errors import FreeholdError

WINDOW = 1 << 20
"""Bytes that a scan of a large view looks at in one step."""

RESIDENT = 4 << 20
"""Views of files up to this size are read at once and kept in memory."""


_FEW_PAGES = 1 << 15


_AHEAD = 1 << 15
_LITTLE = _AHEAD >> 3


class ContentChanged(FreeholdError):
    """The file became shorter while it was read."""


class BytesView:
    """A view of bytes in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``, fewer only at the end."""
        return bytes(self._data[offset : offset + length])  # copies nothing where all bytes of a small view are read

    def slice(self, offset: int, length: int) -> "BytesView":
        """Return the part [offset, offset + length), clipped to this view, without copying."""
        return BytesView(memoryview(self._data)[offset : offset + length])

    def windows(self, overlap: int) -> Iterator[tuple[int, memoryview]]:
        """Yield (offset, bytes) pieces that cover the view, each beginning ``overlap`` bytes before the last one's end.

        A view of up to ``RESIDENT`` bytes comes in one piece.
        """
        data = memoryview(self._data)
        if len(data) <= RESIDENT:
            yield 0, data
            return
        start = 0
        while True:
            end = min(start + WINDOW + overlap, len(data))
            yield start, data[start:end]
            if end == len(data):
                return
            start = end - overlap


class FileView:
    """A view of a part of an open file, read on demand with positioned reads; it never maps the file.

    (A mapped file that somebody truncates kills the process that reads it.) Who reads a little here and a little there,
    always further on, is given from what was read ahead.
    """

    __slots__ = ("_ahead", "_ahead_at", "_fd", "_last", "_size", "_start")

    def __init__(self, fd: int, start: int, size: int) -> None:
        self._fd = fd
        self._start = start
        self._size = size
        self._last = size
        self._ahead = b""
        self._ahead_at = 0

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``, fewer only at the end; raises ``ContentChanged``."""
        length = min(length, self._size - offset)
        if offset < 0 or length <= 0:
            return b""
        at = offset - self._ahead_at
        if at >= 0 and at + length <= len(self._ahead):
            return self._ahead[at : at + length]
        forward = 0 <= offset - self._last < _AHEAD
        self._last = offset
        if not forward or length > _LITTLE:
            return self._read(offset, length)
        self._ahead, self._ahead_at = self._read(offset, min(_AHEAD, self._size - offset)), offset
        return self._ahead[:length]

    def _read(self, offset: int, length: int) -> bytes:
        data = os.pread(self._fd, length, self._start + offset)
        if len(data) == length:
            return data
        pieces = [data]
        got = len(data)
        while got < length:
            piece = os.pread(self._fd, length - got, self._start + offset + got)
            if not piece:
                raise ContentChanged(f"file ended at byte {self._start + offset + got} while it was read")
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)

    def slice(self, offset: int, length: int) -> "FileView":
        """Return the part [offset, offset + length), clipped to this view, without copying."""
        offset = min(max(offset, 0), self._size)
        length = max(0, min(length, self._size - offset))
        return FileView(self._fd, self._start + offset, length)

    def windows(self, overlap: int) -> Iterator[tuple[int, memoryview]]:
        """As ``BytesView.windows``; raises ``ContentChanged``."""
        if self._size <= RESIDENT:
            yield 0, memoryview(self.read(0, self._size))
            return
        buffer = memoryview(bytearray(WINDOW + overlap))
        start = kept = 0
        while True:
            want = min(WINDOW + overlap - kept, self._size - start - kept)
            got = 0
            while got < want:
                n = os.preadv(self._fd, [buffer[kept + got : kept + want]], self._start + start + kept + got)
                if n == 0:
                    raise ContentChanged(f"file ended at byte {start + kept + got} while it was read")
                got += n
            length = kept + got
            yield start, buffer[:length]
            if start + length >= self._size:
                return
            buffer[:overlap] = bytes(buffer[length - overlap : length])
            start += length - overlap
            kept = overlap


View = BytesView | FileView
"""Read access to an artifact's content: ``size``, ``read``, ``slice``, ``windows``."""


def at_once(view: View) -> View:
    """Return a view of the same content; one of a few pages of a file is read into memory, as all will look at it."""
    return BytesView(view.read(0, view.size)) if isinstance(view, FileView) and view.size <= _FEW_PAGES else view


def open_view(fd: int, size: int) -> View:
    """Return a view of the first ``size`` bytes of an open file; small files are read at once."""
    view = FileView(fd, 0, size)
    return BytesView(view.read(0, size)) if size <= RESIDENT else view
