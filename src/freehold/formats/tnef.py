"""TNEF (winmail.dat): what Outlook wraps attachments in.

Source: [MS-OXTNEF].
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import rtfcompressed
from freehold.formats.extents import rest
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MAGIC = b"\x78\x9f\x3e\x22"
_START = 6
_HEAD = struct.Struct("<BII")
_TITLE, _DATA, _BODY = 0x00018010, 0x0006800F, 0x0002800C
_RENDERING, _PROPERTIES, _ATTACHMENT = 0x00069002, 0x00069003, 0x00069005
_TEXT_BYTES = 4096
_LONG_NAME, _SHORT_NAME, _OBJECT, _RTF = 0x3707, 0x3704, 0x3701, 0x1009
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16, 0x01: 4}
_VARIABLE = frozenset({0x0D, 0x1E, 0x1F, 0x102})
_INTERFACE = 16
_MOST_VALUES = 100_000


class _Property(NamedTuple):
    number: int
    kind: int
    start: int
    length: int


class _Tnef:
    name = "tnef"
    types = frozenset({"tnef"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the magic number is missing."""
        if view.read(0, 4) != _MAGIC:
            raise MalformedInput("the TNEF magic number is missing")
        position = _START
        name = ""
        while position + _HEAD.size <= view.size:
            unpacking.budget.tick()
            level, attribute, length = _HEAD.unpack(view.read(position, _HEAD.size))
            if level not in (1, 2):
                unpacking.problem(ProblemKind.MALFORMED, f"no attribute at byte {position}")
                break
            start = position + _HEAD.size
            if start + length > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"the attribute at byte {position} is cut off")
                length = view.size - start
            if attribute == _TITLE:
                name = _text(view.read(start, min(length, _TEXT_BYTES)), wide=False)
            elif attribute == _DATA and length:
                yield Child(name or "attachment", view.slice(start, length))
            elif attribute == _BODY and length:
                yield Child("body", view.slice(start, length))
            elif attribute in (_PROPERTIES, _ATTACHMENT):
                yield from _from_properties(view, start, start + length, unpacking)
            position = start + length + 2
        yield from rest(view, position, view.size)


def _text(data: bytes, *, wide: bool) -> str:
    return data.decode("utf-16-le" if wide else "latin-1", "replace").split("\0")[0]


def _from_properties(view: View, start: int, end: int, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the object, and the text of the message, that a list of MAPI properties holds."""
    found = list(_properties(view, start, end, unpacking))
    names = {
        p.number: _text(view.read(p.start, min(p.length, _TEXT_BYTES)), wide=p.kind == 0x1F)
        for p in found
        if p.number in (_LONG_NAME, _SHORT_NAME)
    }
    for entry in found:
        if entry.number == _OBJECT and entry.length:
            label = names.get(_LONG_NAME) or names.get(_SHORT_NAME) or "object"
            skip = _INTERFACE if entry.kind == 0x0D else 0
            yield Child(label, view.slice(entry.start + skip, entry.length - skip))
        elif entry.number == _RTF and entry.length:
            yield Child("body.rtf", rtfcompressed.decompress(view.slice(entry.start, entry.length), unpacking))


def _properties(view: View, start: int, end: int, unpacking: Unpacking) -> Iterator[_Property]:
    """Yield the properties of a list, each value of one that has several."""
    count = int.from_bytes(view.read(start, 4), "little")
    position = start + 4
    for _ in range(count):
        unpacking.budget.tick()
        if position + 4 > end:
            unpacking.problem(ProblemKind.TRUNCATED, "a list of properties is cut off")
            return
        kind, number = struct.unpack("<HH", view.read(position, 4))
        position += 4
        if number & 0x8000:
            position = _behind_name(view, position, end)
        multiple = kind & 0x1000
        kind &= 0xEFFF
        values = 1
        if multiple or kind in _VARIABLE:
            values = min(int.from_bytes(view.read(position, 4), "little"), _MOST_VALUES)
            position += 4
        for _ in range(values):
            if kind in _VARIABLE:
                length = int.from_bytes(view.read(position, 4), "little")
                position += 4
            elif kind in _FIXED:
                length = _FIXED[kind]
            else:
                unpacking.problem(ProblemKind.MALFORMED, f"a property at byte {position} has an unknown type {kind:#x}")
                return
            if position + length > end:
                unpacking.problem(ProblemKind.TRUNCATED, "a property is cut off")
                yield _Property(number, kind, position, max(end - position, 0))
                return
            yield _Property(number, kind, position, length)
            position += -(-length // 4) * 4


def _behind_name(view: View, position: int, end: int) -> int:
    """Return where the value begins of a property that has a name."""
    by_text = int.from_bytes(view.read(position + 16, 4), "little")
    if not by_text:
        return position + 24
    length = int.from_bytes(view.read(position + 20, 4), "little")
    return min(position + 24 + -(-length // 4) * 4, end)


FORMAT: Format = _Tnef()
