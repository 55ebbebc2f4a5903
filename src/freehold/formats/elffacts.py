"""What people want to know of an ELF program: what it needs, who loads it, how its parts look.

Read for ``explain`` alone; what cannot be read is left out.

Source: System V ABI, chapters 4 and 5; the linker's documentation for ``.note.gnu.build-id`` and ``.comment``.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.measure import measured
from freehold.model.interfaces import Unpacking
from freehold.model.view import View

_KINDS = {1: "object", 2: "program", 3: "shared object or program", 4: "core"}
_MACHINES = {
    2: "SPARC", 3: "i386", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S/390", 40: "ARM", 62: "x86-64",
    183: "ARM64", 243: "RISC-V", 247: "BPF", 258: "LoongArch",
}  # fmt: skip
_DYNAMIC, _INTERPRETER, _NOTE = 2, 3, 4
_NO_CONTENT, _SYMBOLS = 8, 2
_NEEDED, _STRINGS, _NAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29
_NAMES = {_NEEDED: "needs", _NAME: "soname", _RPATH: "rpath", _RUNPATH: "runpath"}
_BUILD_ID = b"GNU\0"
_SECTION_FLAGS = ((2, "r"), (1, "w"), (4, "x"))
_MOST = 256
_MOST_NAMED = 40
_LONGEST_TEXT = 4096
_LARGEST_TABLE = 1 << 20


class _Segment(NamedTuple):
    kind: int
    start: int
    address: int
    size: int


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    start: int
    size: int


def tell(view: View, unpacking: Unpacking) -> None:
    """Record the facts of a program that begins with the magic of ELF."""
    program = _Program(view)
    if not program.sound:
        return
    unpacking.fact("machine", _MACHINES.get(program.machine, str(program.machine)))
    unpacking.fact("kind", _KINDS.get(program.kind, str(program.kind)))
    segments, sections = list(program.segments()), list(program.sections())
    for segment in segments:
        if segment.kind == _INTERPRETER:
            unpacking.fact("interpreter", _text(view.read(segment.start, min(segment.size, _LONGEST_TEXT))))
        elif segment.kind == _NOTE:
            _tell_notes(view.read(segment.start, min(segment.size, _LARGEST_TABLE)), program.order, unpacking)
    for key, values in program.dynamic(segments).items():
        unpacking.fact(key, ", ".join(values[:_MOST_NAMED]))
    if sections:
        unpacking.fact("stripped", "no" if any(section.kind == _SYMBOLS for section in sections) else "yes")
    for number, section in enumerate(sections):
        _tell_section(view, number, section, unpacking)


class _Program:
    """Reads the tables in the byte order and width of one file."""

    def __init__(self, view: View) -> None:
        self.view = view
        head = view.read(0, 64)
        self.wide = head[4:5] == b"\2"
        self.order = ">" if head[5:6] == b"\2" else "<"
        self.sound = len(head) >= (64 if self.wide else 52)
        if self.sound:
            self.kind, self.machine = struct.unpack_from(self.order + "HH", head, 16)
            _, *self._places = struct.unpack_from(self.order + ("QQQ" if self.wide else "III"), head, 24)
            self._counts = struct.unpack_from(self.order + "HHHHH", head, 54 if self.wide else 42)

    def _table(self, form: str, place: int, count: int) -> Iterator[tuple[int, ...]]:
        entry = struct.Struct(self.order + form)
        table = self.view.read(place, min(count, _MOST) * entry.size)
        return entry.iter_unpack(table[: len(table) // entry.size * entry.size])

    def segments(self) -> Iterator[_Segment]:
        form = "I4xQQ8xQ16x" if self.wide else "III4xI12x"
        return (_Segment(*fields) for fields in self._table(form, self._places[0], self._counts[1]))

    def sections(self) -> Iterator[_Section]:
        form = "IIQ8xQQ24x" if self.wide else "III4xII16x"
        rows = list(self._table(form, self._places[1], self._counts[3]))
        names = b""
        if self._counts[4] < len(rows):
            *_, start, size = rows[self._counts[4]]
            names = self.view.read(start, min(size, _LARGEST_TABLE))
        for name, kind, flags, start, size in rows:
            if kind:
                yield _Section(_text(names[name : name + _LONGEST_TEXT]), kind, flags, start, size)

    def dynamic(self, segments: list[_Segment]) -> dict[str, list[str]]:
        """Return what the dynamic linker is told, by the name of the fact."""
        table = next((segment for segment in segments if segment.kind == _DYNAMIC), None)
        if table is None:
            return {}
        size = min(table.size, _LARGEST_TABLE)
        entry = struct.Struct(self.order + ("qQ" if self.wide else "iI"))
        content = self.view.read(table.start, size // entry.size * entry.size)
        entries = list(entry.iter_unpack(content[: len(content) // entry.size * entry.size]))
        strings = next((self._offset(value, segments) for tag, value in entries if tag == _STRINGS), None)
        found: dict[str, list[str]] = {}
        for tag, value in entries:
            if not tag or strings is None:
                break
            if tag in _NAMES and len(found.setdefault(_NAMES[tag], [])) < _MOST:
                found[_NAMES[tag]].append(_text(self.view.read(strings + value, _LONGEST_TEXT)))
        return found

    def _offset(self, address: int, segments: list[_Segment]) -> int | None:
        for segment in segments:
            if segment.kind == 1 and segment.address <= address < segment.address + segment.size:
                return address - segment.address + segment.start
        return None


def _tell_notes(notes: bytes, order: str, unpacking: Unpacking) -> None:
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(order + "III", notes, at)
        name, at = notes[at + 12 : at + 12 + name_size], at + 12 + name_size + -name_size % 4
        if name == _BUILD_ID and kind == 3:
            unpacking.fact("build_id", notes[at : at + min(size, 64)].hex())
        elif name == b"Go\0\0" and kind == 4:
            unpacking.fact("go_build_id", _text(notes[at : at + min(size, 256)]))
        at += size + -size % 4


def _tell_section(view: View, number: int, section: _Section, unpacking: Unpacking) -> None:
    rights = "".join(letter if section.flags & bit else "-" for bit, letter in _SECTION_FLAGS)
    content = "nothing in the file" if section.kind == _NO_CONTENT else None
    content = content or measured(view, section.start, section.size, unpacking.budget)
    unpacking.fact(f"section.{number}", f"{section.name} {rights}: {content}")
    if section.name == ".comment":
        comments = view.read(section.start, min(section.size, _LONGEST_TEXT)).split(b"\0")
        unpacking.fact("compiler", ", ".join(dict.fromkeys(_text(comment) for comment in comments if comment)))


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
