"""ALZip archives: stored, bzip2 and deflate.

bzip2 streams of ALZip lack the usual signatures of blocks in some versions; those are damaged to this reader.

Source: the file format as unalz and observed archives have it.
"""

import struct
from collections.abc import Generator, Iterator

from freehold.formats.bzip2 import BZIP2
from freehold.formats.extents import rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Stream
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_FILE, _DIRECTORY, _END = b"BLZ\x01", b"CLZ\x01", b"CLZ\x02"
_ARCHIVE_HEADER = 8
_FILE_HEADER = struct.Struct("<4sHBIBx")
_IS_DIRECTORY, _IS_ENCRYPTED = 0x10, 0x01
_STORED = 0
_CODECS = {1: BZIP2, 2: DEFLATE}
_PASSWORD_CHECK = 12


class _Archive:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking

    def children(self) -> Iterator[Child]:
        position = _ARCHIVE_HEADER
        while True:
            head = self._view.read(position, _FILE_HEADER.size)
            if len(head) < _FILE_HEADER.size or not head.startswith(_FILE):
                break
            position = yield from self._member(position, head)
        yield from self._end(position)

    def _end(self, position: int) -> Iterator[Child]:
        mark = self._view.read(position, 4)
        if mark == _DIRECTORY:
            position += 12
            mark = self._view.read(position, 4)
        if mark == _END:
            position += 4
        elif len(mark) < 4 or mark == _FILE:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the archive is cut off")
        elif mark:
            self._unpacking.problem(ProblemKind.MALFORMED, f"no header of a member at byte {position}")
        yield from rest(self._view, position, self._view.size)

    def _member(self, position: int, head: bytes) -> Generator[Child, None, int]:
        """Open one member; return where the next one begins."""
        name_size: int
        attributes: int
        descriptor: int
        _, name_size, attributes, _, descriptor = _FILE_HEADER.unpack(head)
        position += _FILE_HEADER.size
        width = descriptor >> 4
        method = packed = 0
        if width:
            sizes = self._view.read(position, 6 + 2 * width)
            method = sizes[0] if sizes else 0
            packed = int.from_bytes(sizes[6 : 6 + width], "little")
            position += 6 + 2 * width
        name = self._view.read(position, name_size).decode("utf-8", "surrogateescape")
        start = position + name_size
        if descriptor & _IS_ENCRYPTED:
            start += _PASSWORD_CHECK
            self._unpacking.problem(ProblemKind.ENCRYPTED, f"{name} is encrypted")
        elif packed and not attributes & _IS_DIRECTORY:
            yield from self._content(name, start, packed, method)
        return start + packed

    def _content(self, name: str, start: int, packed: int, method: int) -> Iterator[Child]:
        end = min(start + packed, self._view.size)
        if method == _STORED:
            if end < start + packed:
                self._unpacking.problem(ProblemKind.TRUNCATED, f"{name} is cut off")
            if end > start:
                yield Child(name, self._view.slice(start, packed))
        elif method in _CODECS:
            stream = Stream(self._view, start, _CODECS[method], self._unpacking, end=end, label=name)
            yield Child(name, stream.chunks(), stream.consumed)
        else:
            self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{name} is compressed by method {method}")


class _Alz:
    name = "alz"
    types = frozenset({"alz"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        if view.size < _ARCHIVE_HEADER:
            raise MalformedInput("the header is cut off")
        yield from _Archive(view, unpacking).children()


FORMAT: Format = _Alz()
