"""EGG archives (ALZip's later format): stored, deflate, bzip2 and LZMA; AZO, the maker's own method, is reported.

A file is a header, fields, and any number of blocks, each packed on its own. Where one of these cannot be read, the
next header is searched for.

Source: ESTsoft's "EGG Format Specification" 1.0.
"""

import struct
import zlib
from collections.abc import Iterator

from freehold.formats.bzip2 import BZIP2
from freehold.formats.extents import rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Codec, Stream
from freehold.formats.xz import lzma_without_size
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_HEADER = 14
_FILE, _BLOCK, _END = 0x0A8590E3, 0x02B50C13, 0x08E28222
_NAME, _ENCRYPTED, _SPLIT, _SOLID = 0x0A8591AC, 0x08D1470F, 0x24F5A262, 0x24E5A060
_FIELDS = frozenset({_NAME, _ENCRYPTED, _SPLIT, _SOLID, 0x04C63672, 0x2C86950B, 0x1EE922E5, 0x07463307})
_FILE_BYTES = 16
_BLOCK_FIELDS = struct.Struct("<IBBIII")
_LONG_SIZE, _LOCAL_CODE, _HAS_PARENT, _NAME_ENCRYPTED = 1, 0x08, 0x10, 0x04
_STORED, _AZO, _LZMA = 0, 3, 4
_CODECS = {1: DEFLATE, 2: BZIP2}
_ZIP_LZMA = b"\x05\0"
_LONGEST_NAME = 4096
_BLOCKS = 1 << 16


class _Block:
    """One block of a file, where it lies, and how it is packed."""

    __slots__ = ("checksum", "end", "method", "size", "start")

    def __init__(self, start: int, head: bytes) -> None:
        _, self.method, _, self.size, packed, self.checksum = _BLOCK_FIELDS.unpack(head)
        self.start = start
        self.end = start + packed


class _Archive:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._position = _HEADER
        self._solid = False

    def children(self) -> Iterator[Child]:
        fields = self._fields()
        self._solid = _SOLID in fields
        if _SPLIT in fields:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the archive is one volume of several")
        number = 0
        while self._mark() == _FILE:
            self._unpacking.budget.tick()
            number += 1
            self._position += _FILE_BYTES
            fields = self._fields()
            name = self._name(fields) or f"item-{number}"
            blocks = self._blocks(name)
            if _ENCRYPTED in fields:
                self._unpacking.problem(ProblemKind.ENCRYPTED, f"{name[:100]} is encrypted")
            elif self._solid and number > 1:
                self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{name[:100]} shares blocks with other files")
            elif blocks:
                yield from self._content(name, blocks)
        mark = self._mark()
        if mark == _END:
            self._position += 4
        elif self._position >= self._view.size:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the archive is cut off")
        else:
            self._unpacking.problem(ProblemKind.MALFORMED, f"no header of a file at byte {self._position}")
        yield from rest(self._view, self._position, self._view.size)

    def _mark(self) -> int:
        return int.from_bytes(self._view.read(self._position, 4), "little")

    def _fields(self) -> dict[int, tuple[int, bytes]]:
        """Return the flags and the beginning of each field up to the end mark, which is passed over."""
        found: dict[int, tuple[int, bytes]] = {}
        while (mark := self._mark()) in _FIELDS:
            head = self._view.read(self._position + 4, 5)
            wide = bool(head[:1] and head[0] & _LONG_SIZE)
            size = int.from_bytes(head[1:5] if wide else head[1:3], "little")
            self._position += 9 if wide else 7
            found.setdefault(mark, (head[0] if head else 0, self._view.read(self._position, min(size, _LONGEST_NAME))))
            self._position += size
            self._unpacking.budget.tick()
        if mark == _END:
            self._position += 4
        return found

    @staticmethod
    def _name(fields: dict[int, tuple[int, bytes]]) -> str:
        flags, data = fields.get(_NAME, (0, b""))
        if flags & _NAME_ENCRYPTED:
            return ""
        skip = 2 * bool(flags & _LOCAL_CODE) + 4 * bool(flags & _HAS_PARENT)
        return data[skip:].decode("utf-8", "surrogateescape")

    def _blocks(self, name: str) -> list[_Block]:
        blocks: list[_Block] = []
        while self._mark() == _BLOCK:
            head = self._view.read(self._position, _BLOCK_FIELDS.size)
            if len(head) < _BLOCK_FIELDS.size:
                break
            self._position += _BLOCK_FIELDS.size
            self._fields()
            block = _Block(self._position, head)
            self._position = block.end
            blocks.append(block)
            if len(blocks) >= _BLOCKS:
                self._unpacking.problem(ProblemKind.LIMIT, f"{name[:100]} has more than {_BLOCKS} blocks")
                break
        return blocks

    def _content(self, name: str, blocks: list[_Block]) -> Iterator[Child]:
        first = blocks[0]
        if len(blocks) == 1 and first.method == _STORED:
            if first.end > self._view.size:
                self._unpacking.problem(ProblemKind.TRUNCATED, f"{name[:100]} is cut off")
            content = self._view.slice(first.start, first.end - first.start)
            if content.size:
                yield Child(name, content)
            return
        consumed = [0]
        yield Child(name, self._unpacked(name, blocks, consumed), lambda: consumed[0])

    def _unpacked(self, name: str, blocks: list[_Block], consumed: list[int]) -> Iterator[bytes]:
        for block in blocks:
            codec = self._codec(block)
            start = block.start
            if codec is None:
                method = "AZO" if block.method == _AZO else f"method {block.method}"
                self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{name[:100]} is compressed by {method}")
                continue
            if block.method == _LZMA:
                start += 9 if self._view.read(start + 2, 2) == _ZIP_LZMA else 5
            stream = Stream(self._view, start, codec, self._unpacking, end=block.end, label=name[:100])
            checksum = 0
            before = consumed[0]
            for chunk in stream.chunks():
                checksum = zlib.crc32(chunk, checksum)
                consumed[0] = before + stream.consumed()
                yield chunk
            if stream.finished and checksum != block.checksum:
                self._unpacking.problem(ProblemKind.MALFORMED, f"{name[:100]} has a wrong checksum")

    def _codec(self, block: _Block) -> Codec | None:
        if block.method == _STORED:
            return STORED
        if block.method == _LZMA:
            skip = 4 if self._view.read(block.start + 2, 2) == _ZIP_LZMA else 0
            return lzma_without_size(self._view.read(block.start + skip, 5))
        return _CODECS.get(block.method)


class _Copy:
    """Decodes what is not packed; see ``streams.Decoder``."""

    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self._left = b""

    @property
    def needs_input(self) -> bool:
        """Whether all that was fed has come out."""
        return not self._left

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return what was fed."""
        data = self._left + data
        self._left = data[max_length:]
        return data[:max_length]


STORED = Codec("stored", lambda _memory: _Copy(), (), ends=False)
"""For one block among others."""


class _Egg:
    name = "egg"
    types = frozenset({"egg"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        if view.size < _HEADER:
            raise MalformedInput("the header is cut off")
        yield from _Archive(view, unpacking).children()


FORMAT: Format = _Egg()
