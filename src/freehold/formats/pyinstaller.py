"""Programs that PyInstaller made: the archive at their end, and the archives of modules (PYZ) in it.

The table of a PYZ is a marshalled Python object, which nobody should load from hostile content: its members are found
one behind the other, and have numbers for names.

Source: documentation of PyInstaller ("Inspecting archives", "CArchive", "ZlibArchive").
"""

import re
import struct
import zlib
from collections.abc import Iterator

from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Stream
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_COOKIE = b"MEI\x0c\x0b\x0a\x0b\x0e"
_COOKIE_FIELDS = struct.Struct(">8sIII")
_COOKIE_BYTES = (24, 88)
_TAIL = 1 << 16
_ENTRY = struct.Struct(">IIIIBc")
_LARGEST_TABLE = 16 << 20
_PYZ_HEADER = 12
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_ZLIB_HEADER = 2
_ADLER = 4
_PIECE = 1 << 16


def archive(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the members of the archive that ends a program, if there is one."""
    tail_start = max(view.size - _TAIL, 0)
    tail = view.read(tail_start, _TAIL)
    found = tail.rfind(_COOKIE)
    if found < 0 or len(tail) - found < _COOKIE_FIELDS.size:
        return
    _, length, table_start, table_size = _COOKIE_FIELDS.unpack_from(tail, found)
    for cookie in _COOKIE_BYTES:
        base = tail_start + found + cookie - length
        if base >= 0 and table_start + table_size <= length and table_size <= _LARGEST_TABLE:
            table = view.read(base + table_start, table_size)
            if _is_table(table) or (cookie == _COOKIE_BYTES[-1] and _begins_table(table)):
                yield from _members(view, base, table, unpacking)
                return
    unpacking.problem(ProblemKind.MALFORMED, "the archive of PyInstaller is damaged")


def _is_table(table: bytes) -> bool:
    """Tell whether entries fill a table to its end: a cookie of another length puts it elsewhere."""
    at = 0
    while _begins_table(table[at : at + _ENTRY.size], len(table) - at):
        at += int.from_bytes(table[at : at + 4], "big")
    return 0 < at == len(table)


def _begins_table(table: bytes, left: int | None = None) -> bool:
    """Tell whether an entry begins here that ends within what is left."""
    width = int.from_bytes(table[:4], "big")
    return len(table) >= _ENTRY.size and _ENTRY.size <= width <= (len(table) if left is None else left)


def _members(view: View, base: int, table: bytes, unpacking: Unpacking) -> Iterator[Child]:
    at = 0
    while at + _ENTRY.size <= len(table):
        width, place, packed, unpacked, compressed, _ = _ENTRY.unpack_from(table, at)
        if width < _ENTRY.size or at + width > len(table):
            unpacking.problem(ProblemKind.MALFORMED, "the table of the archive of PyInstaller is damaged")
            return
        name = table[at + _ENTRY.size : at + width].split(b"\0")[0].decode("utf-8", "surrogateescape")
        at += width
        start = base + place
        if start + packed > view.size:
            unpacking.problem(ProblemKind.TRUNCATED, f"{name} is cut off")
        if not packed or start >= view.size:
            continue
        if compressed:
            stream = _zlib(view, start, start + packed, unpacking, name)
            yield Child(name, stream.chunks(), stream.consumed)
        else:
            yield Child(name, view.slice(start, min(packed, unpacked or packed)))


def _zlib(view: View, start: int, end: int, unpacking: Unpacking, label: str) -> Stream:
    return Stream(view, start + _ZLIB_HEADER, DEFLATE, unpacking, end=end, label=label)


def _modules(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the zlib streams of a PYZ, one behind the other."""
    position = _PYZ_HEADER
    number = 0
    end = min(int.from_bytes(view.read(8, 4), "big") or view.size, view.size)
    while position < end:
        piece = view.read(position, min(_PIECE, end - position))
        found = _ZLIB.search(piece)
        if found is None:
            position += max(len(piece) - 1, 1)
            unpacking.budget.tick()
            continue
        position += found.start()
        if not _opens(view, position):
            position += 1
            continue
        number += 1
        stream = _zlib(view, position, end, unpacking, f"module {number}")
        yield Child(f"module-{number}", stream.chunks(), stream.consumed)
        position = max(stream.position + _ADLER if stream.finished else position + 1, position + 1)


def _opens(view: View, position: int) -> bool:
    """Tell whether a zlib stream begins at ``position``, by its first bytes."""
    try:
        return bool(zlib.decompressobj().decompress(view.read(position, 512), 64))
    except zlib.error:
        return False


class _Pyz:
    name = "pyinstaller"
    types = frozenset({"pyz"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from _modules(view, unpacking)


FORMAT: Format = _Pyz()
