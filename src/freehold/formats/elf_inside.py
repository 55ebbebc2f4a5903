"""What ELF programs carry along: a program that a packer has hidden, those of PyInstaller, Nuitka, .NET, Node.js.

Source: System V ABI, chapter 5 (notes); see ``upx_elf``.
"""

import struct
from collections.abc import Iterator
from typing import Literal

from freehold.formats import dotnetbundle, pyinstaller, upx_elf
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View


def _end(view: View) -> int:
    """Return where the table of sections ends, mostly the last thing in a program; the view's end without one."""
    head = view.read(0, 64)
    order: Literal["little", "big"] = "big" if head[5:6] == b"\2" else "little"
    place, sizes = (slice(40, 48), 58) if head[4:5] == b"\2" else (slice(32, 36), 46)
    table, size, count = (int.from_bytes(head[part], order) for part in (place, _pair(sizes), _pair(sizes + 2)))
    return table + size * count if table else view.size


def _pair(at: int) -> slice:
    return slice(at, at + 2)


_NUITKA, _PAYLOADS = b"NUITKA_ONEFILE", (b"KAY", b"KAX")
_NAMES = 1 << 16
"""Bytes at the end of a program in which the names stand that Nuitka's bootstrap looks for."""

_PRELUDE = b"\n);\n})"
_NOTE = 4
_MOST_SEGMENTS = 128
_MOST_NOTES = 64
_NODE = b"NODE_SEA_BLOB\0"


def _node_application(view: View) -> Iterator[Child]:
    """Yield the application of Node.js that a program carries in a note."""
    head = view.read(0, 64)
    if len(head) < 64 or head[4] not in (1, 2):
        return
    wide, order = head[4] == 2, ">" if head[5] == 2 else "<"
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
    form = struct.Struct(order + ("I4xQ16xQ16x" if wide else "II8xI12x"))
    for number in range(min(count, _MOST_SEGMENTS)):
        entry = view.read(table + number * size, form.size)
        if len(entry) < form.size:
            return
        kind, start, length = form.unpack(entry)
        if kind == _NOTE:
            yield from _node_note(view, start, start + length, order)


def _node_note(view: View, start: int, end: int, order: str) -> Iterator[Child]:
    for _ in range(_MOST_NOTES):
        note = view.read(start, 12 + len(_NODE))
        if len(note) < 12 + len(_NODE) or start >= end:
            return
        name, content = struct.unpack_from(order + "II", note)
        place = start + 12 + (name + 3 & ~3)
        if note[12:] == _NODE:
            yield Child("node-application", view.slice(place, content))
        start = place + (content + 3 & ~3)


class _ElfInside:
    name = "elf_inside"
    types = frozenset({"elf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if unpacking.wants_facts:
            from freehold.formats import elffacts  # for people who ask

            elffacts.tell(view, unpacking)
        yield from upx_elf.unpacked(view, unpacking)
        yield from _node_application(view)
        tail = view.read(max(view.size - _NAMES, 0), _NAMES)
        if _NUITKA in tail or view.read(int.from_bytes(tail[-8:], "little"), 3) in _PAYLOADS:
            from freehold.formats import nuitka  # few programs need it

            yield from nuitka.inside(view, unpacking)
        if tail.endswith(_PRELUDE):
            from freehold.formats import nodepkg  # nor this

            yield from nodepkg.members(view, unpacking)
        yield from dotnetbundle.members(view, _end(view), unpacking)
        yield from pyinstaller.archive(view, unpacking)


FORMAT: Format = _ElfInside()
