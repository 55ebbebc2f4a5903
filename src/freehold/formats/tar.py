"""tar archives: v7, ustar, pax, GNU long names and GNU sparse files.

Source: POSIX.1-2017 pax, tar(5), the GNU tar manual. Members are slices. A sparse member is examined as it is stored,
without its holes, and once more with them when it is small: hashes of whole files are made with holes.

Where a reader could disagree with another about a size (pax header against tar header, links with content), both
readings are followed, and reading goes on behind the shorter one.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import tarsparse
from freehold.formats.extents import rest, skip_zeros
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Member, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

BLOCK = 512
_META_BYTES = 1 << 20
_NAME_BYTES = 4096
_PIECE = 1 << 16
_CHECKSUM = re.compile(rb"[ \0]*([0-7]+)[ \0]*\Z")
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=\n]{1,256})=")
_NO_CONTENT = frozenset(b"123456")
_SPARSE_EXTENDED = 482
"""Offset in an ``S`` header of the byte that says that a block with more of the map follows."""
_SPARSE_MORE = 504
"""The same in such a block."""


class _Header(NamedTuple):
    name: bytes
    size: int
    kind: int


class _Pending:
    """What extension headers say about the member that follows them."""

    __slots__ = ("name", "pieces", "real_size", "size", "sparse_map")

    def __init__(self) -> None:
        self.name = b""
        self.size: int | None = None
        self.sparse_map = False
        self.pieces: tarsparse.Map = []
        self.real_size = 0


def _number(text: bytes) -> int | None:
    """Return the value of a numeric field, octal or base-256; None when it is neither or negative."""
    if text and text[0] == 0x80:
        return int.from_bytes(text[1:], "big")
    try:
        value = int(text.split(b"\0")[0].strip(b" ") or b"0", 8)
    except ValueError:
        return None
    return value if value >= 0 else None


def parse_header(block: bytes) -> _Header | None:
    """Return what a block says when it is a header: its checksum fits, as a sum of unsigned or of signed bytes."""
    found = _CHECKSUM.match(block[148:156]) if len(block) == BLOCK else None
    if found is None:
        return None
    checksum = int(found[1], 8)
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if checksum != unsigned:
        high = sum(byte > 127 for byte in block) - sum(byte > 127 for byte in block[148:156])
        if checksum != unsigned - 256 * high:
            return None
    size = _number(block[124:136])
    if size is None:
        return None
    name = block[:100].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and block[345]:
        name = block[345:500].split(b"\0")[0] + b"/" + name
    return _Header(name, size, block[156])


def pax_records(data: bytes) -> dict[bytes, bytes]:
    """Return the records of a pax extension header by keyword; what is damaged ends them."""
    records = {}
    position = 0
    while found := _PAX_RECORD.match(data, position):
        end = position + int(found[1])
        if end <= found.end():
            break
        records[found[2]] = data[found.end() : end - 1]
        position = end
    return records


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


class _Reader:
    """Walks over one archive, from header to header."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._position = 0
        self._pending = _Pending()
        self._count = 0

    def children(self) -> Iterator[Child]:
        while self._position < self._view.size:
            self._unpacking.budget.tick()
            block = self._view.read(self._position, BLOCK)
            header = parse_header(block)
            if header is None:
                yield from self._no_header(block)
            elif header.kind in b"xgLKXN":
                self._extension(header)
            else:
                yield from self._member(header, block)

    def _no_header(self, block: bytes) -> Iterator[Child]:
        """Skip zero blocks; take anything else up to the next header as ``rest``."""
        if not block.strip(b"\0"):
            following = skip_zeros(self._view, self._position, self._unpacking)
            self._position += max((following - self._position) // BLOCK, 1) * BLOCK
            return
        start = self._position
        self._position = self._next_header(start + BLOCK)
        if not start and self._position >= self._view.size:
            raise MalformedInput("there is no undamaged tar header")
        kind = ProblemKind.MALFORMED if len(block) == BLOCK else ProblemKind.TRUNCATED
        self._unpacking.problem(kind, f"no member header at byte {start}")
        self._pending = _Pending()
        yield from rest(self._view, start, self._position)

    def _next_header(self, position: int) -> int:
        while position < self._view.size:
            piece = self._view.read(position, _PIECE)
            for offset in range(0, len(piece), BLOCK):
                if parse_header(piece[offset : offset + BLOCK]) is not None:
                    return position + offset
            position += len(piece)
            self._unpacking.budget.tick()
        return self._view.size

    def _extension(self, header: _Header) -> None:
        """Take in a header that describes the next member."""
        start = self._position + BLOCK
        data = self._view.read(start, min(header.size, _META_BYTES))
        if len(data) < header.size:
            kind = ProblemKind.TRUNCATED if start + header.size > self._view.size else ProblemKind.MALFORMED
            self._unpacking.problem(kind, f"the extension header at byte {self._position} is cut off or too long")
        if header.kind == ord("L"):
            self._pending.name = data[:_NAME_BYTES].rstrip(b"\0")
        elif header.kind in b"xX":
            self._pax(pax_records(data))
        self._position = start + _padded(header.size)

    def _pax(self, records: dict[bytes, bytes]) -> None:
        name = records.get(b"GNU.sparse.name") or records.get(b"path")
        if name:
            self._pending.name = name[:_NAME_BYTES]
        size = records.get(b"size", b"")
        if size.isdigit() and len(size) < 20:
            self._pending.size = int(size)
        self._pending.sparse_map = records.get(b"GNU.sparse.major") == b"1"
        real = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size") or b""
        self._pending.real_size = int(real) if real.isdigit() and len(real) < 20 else 0
        self._pending.pieces = tarsparse.pax_map(records.get(b"GNU.sparse.map", b""))

    def _member(self, header: _Header, block: bytes) -> Iterator[Child]:
        start = self._position + BLOCK
        if header.kind == ord("S"):
            start = self._skip_sparse_map(start, block)
        pending, self._pending = self._pending, _Pending()
        name = pending.name or header.name
        sizes = {header.size} if pending.size is None else {header.size, pending.size}
        if header.kind in _NO_CONTENT and parse_header(self._view.read(start, BLOCK)) is not None:
            sizes.add(0)
        for size in sorted(sizes):
            yield from self._content(name, start, size, pending)
        self._position = start + _padded(min(sizes))

    def _content(self, name: bytes, start: int, size: int, pending: _Pending) -> Iterator[Child]:
        available = max(self._view.size - start, 0)
        if size > available:
            label = name[:100].decode("utf-8", "replace")
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{label} is cut off")
            size = available
        skip = self._sparse_map_size(start, size) if pending.sparse_map else 0
        self._count += 1
        if self._unpacking.wants_members:
            label = name.decode("utf-8", "surrogateescape")
            self._unpacking.member(Member(label, size, size, position=self._count))
        if size > skip:
            yield Child(name.decode("utf-8", "surrogateescape"), self._view.slice(start + skip, size - skip))
        pieces = tarsparse.map_in_front(self._view, start, skip) if skip else pending.pieces
        if pieces and sum(length for _, length in pieces) < pending.real_size <= tarsparse.LARGEST:
            chunks = tarsparse.with_holes(self._view, start + skip, pieces, pending.real_size)
            yield Child(name.decode("utf-8", "surrogateescape"), chunks)

    def _skip_sparse_map(self, start: int, block: bytes) -> int:
        """Return where the content of a GNU sparse member begins: behind the blocks that continue its map."""
        more = block[_SPARSE_EXTENDED]
        pieces = tarsparse.old_map(block, 386, 4, _number)
        self._pending.real_size = _number(block[483:495]) or 0
        while more:
            self._unpacking.budget.tick()
            block = self._view.read(start, BLOCK)
            if len(block) < BLOCK:
                break
            start += BLOCK
            more = block[_SPARSE_MORE]
            if len(pieces) < tarsparse.MOST_PIECES:
                pieces += tarsparse.old_map(block, 0, 21, _number)
        self._pending.pieces = pieces
        return start

    def _sparse_map_size(self, start: int, size: int) -> int:
        """Return the length of the map in front of a pax 1.0 sparse member: a count, two numbers each."""
        count = self._view.read(start, 32).split(b"\n")[0]
        if not count.isdigit():
            return 0
        lines = 1 + 2 * int(count)
        position = start
        while position < start + size:
            self._unpacking.budget.tick()
            block = self._view.read(position, BLOCK)
            position += BLOCK
            lines -= block.count(b"\n")
            if lines <= 0 or len(block) < BLOCK:
                break
        return min(position - start, size)


class _Tar:
    name = "tar"
    types = frozenset({"tar"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when there is no header at all."""
        yield from _Reader(view, unpacking).children()


FORMAT: Format = _Tar()
