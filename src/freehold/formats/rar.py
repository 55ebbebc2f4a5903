"""RAR archives of versions 2.9 to 5, read by libarchive; the end of the archive is found by walking its blocks.

Older methods and encrypted members cannot be read by it. What follows the archive's end is yielded as ``rest``.
"""

import struct
from collections.abc import Iterator

from freehold.formats import libarchive
from freehold.formats.extents import rest
from freehold.formats.libarchive import Damage, Member, Reader
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.native import LIBARCHIVE
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MAGIC_4 = b"Rar!\x1a\x07\x00"
_MAGIC_5 = b"Rar!\x1a\x07\x01\x00"
_ENCRYPTED_HEADERS = 0x80
_LONG_BLOCK = 0x8000
_KINDS = (
    ("encrypt", ProblemKind.ENCRYPTED),
    ("truncated", ProblemKind.TRUNCATED),
    ("unsupported", ProblemKind.UNSUPPORTED),
    ("not supported", ProblemKind.UNSUPPORTED),
    ("multivolume", ProblemKind.TRUNCATED),
    ("memory", ProblemKind.LIMIT),
)


class _Rar:
    name = "rar"
    types = frozenset({"rar"})

    @staticmethod
    def children(view: View, unpacking: Unpacking) -> Iterator[Child]:
        if not libarchive.available():
            unpacking.problem(ProblemKind.UNSUPPORTED, f"rar: install {LIBARCHIVE.package}")
            return
        reader = Reader(view, unpacking.budget)
        try:
            yield from _members(reader, unpacking)
        except Damage as damage:
            _report(unpacking, damage, "the archive")
        finally:
            reader.close()
        end = _end(view, unpacking)
        if end:
            yield from rest(view, end, view.size)


FORMAT: Format = _Rar()


def _members(reader: Reader, unpacking: Unpacking) -> Iterator[Child]:
    reader.open()
    number = 0
    while member := reader.next():
        number += 1
        unpacking.budget.tick()
        name = member.name[:4096] or f"item-{number}"
        if member.encrypted:
            unpacking.problem(ProblemKind.ENCRYPTED, f"{name[:100]} is encrypted")
        elif member.regular:
            before = reader.position()
            yield Child(name, _chunks(reader, member, unpacking), lambda: reader.position() - before)


def _chunks(reader: Reader, member: Member, unpacking: Unpacking) -> Iterator[bytes]:
    try:
        yield from reader.chunks()
    except Damage as damage:
        _report(unpacking, damage, member.name[:100])


def _report(unpacking: Unpacking, damage: Damage, what: str) -> None:
    text = str(damage)
    kind = next((kind for word, kind in _KINDS if word in text.lower()), ProblemKind.MALFORMED)
    unpacking.problem(kind, f"{what}: {text}")


def _end(view: View, unpacking: Unpacking) -> int:
    """Return the first byte behind the block that ends the archive; 0 when there is none."""
    if view.read(0, len(_MAGIC_5)) == _MAGIC_5:
        return _end_of_version_5(view, unpacking)
    return _end_of_version_4(view, unpacking) if view.read(0, len(_MAGIC_4)) == _MAGIC_4 else 0


def _end_of_version_4(view: View, unpacking: Unpacking) -> int:
    position = len(_MAGIC_4)
    while True:
        unpacking.budget.tick()
        head = view.read(position, 11)
        if len(head) < 7:
            return 0
        kind, flags, size = struct.unpack_from("<BHH", head, 2)
        if size < 7 or (kind == 0x73 and flags & _ENCRYPTED_HEADERS):
            return 0
        if kind in (0x74, 0x7A) or flags & _LONG_BLOCK:
            if len(head) < 11:
                return 0
            more = int.from_bytes(head[7:11], "little")
            if kind in (0x74, 0x7A) and flags & 0x100:
                more += int.from_bytes(view.read(position + 32, 4), "little") << 32
            position += more
        position += size
        if kind == 0x7B:
            return position


def _end_of_version_5(view: View, unpacking: Unpacking) -> int:
    position = len(_MAGIC_5)
    while True:
        unpacking.budget.tick()
        head = view.read(position + 4, 43)
        size, at = _number(head, 0)
        start = at
        kind, at = _number(head, at)
        flags, at = _number(head, at)
        if not size or kind == 4 or at > len(head):  # type 4: all that follows is encrypted
            return 0
        more = 0
        if flags & 1:
            _, at = _number(head, at)
        if flags & 2:
            more, at = _number(head, at)
        position += 4 + start + size + more
        if kind == 5:
            return position


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends; the end lies outside ``data`` when it is cut off."""
    value = shift = 0
    for byte in data[at : at + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return value, at
    return 0, len(data) + 1
