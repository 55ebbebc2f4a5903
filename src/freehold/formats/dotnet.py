"""Programs of .NET: the resources in them, and, for people who ask, what their metadata says.

The resources are listed in a table of the metadata, whose rows have no fixed width: that depends on how many rows the
tables before it have, and on how large the heaps of strings, identifiers and blobs are.

Source: ECMA-335 II.22 (tables), II.24 (physical layout), II.25.3.3 (header).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import pe
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Unpacking
from freehold.model.layout import Layout
from freehold.model.limits import MIB
from freehold.model.report import ProblemKind
from freehold.model.view import View

_HEADER = struct.Struct("<4xHHIII4xII")
_LARGEST_TABLES = 64 * MIB
_DIRECTORY = 14
_LONGEST_NAME = 1024
_MOST_STREAMS = 64
_MOST_LISTED = 100

_MODULE, _ASSEMBLY, _REFERENCE, _RESOURCE, _IMPORT, _IMPORTED_MODULE = 0x00, 0x20, 0x23, 0x28, 0x1C, 0x1A

_COLUMNS = """
2 s g g g|ResolutionScope s s|4 s s TypeDefOrRef 04 06|04|2 s b|06|4 2 2 s b 08|08|2 2 s|02 TypeDefOrRef
MemberRefParent s b|2 HasConstant b|HasCustomAttribute CustomAttributeType b|HasFieldMarshal b|2 HasDeclSecurity b
2 4 02|4 04|b|02 14|14|2 s TypeDefOrRef|02 17|17|2 s b|2 06 HasSemantics|02 MethodDefOrRef MethodDefOrRef|s|b
2 MemberForwarded s 1a|4 04|4 4|4|4 2 2 2 2 4 b s s|4|4 4 4|2 2 2 2 4 b s s b|4 23|4 4 4 23|4 s b
4 4 s s Implementation|4 4 s Implementation
"""
"""The columns of tables 0 to 0x28 in their order: numbers of bytes, heaps, numbers of tables, or one of ``_CODED``."""

_CODED = {
    "TypeDefOrRef": (2, "02 01 1b"),
    "HasConstant": (2, "04 08 17"),
    "HasCustomAttribute": (5, "06 04 01 02 08 09 0a 00 0e 17 14 11 1a 1b 20 23 26 27 28 2a 2c 2b"),
    "CustomAttributeType": (3, "06 0a"),
    "HasFieldMarshal": (1, "04 08"),
    "HasDeclSecurity": (2, "02 06 20"),
    "MemberRefParent": (3, "02 01 1a 06 1b"),
    "HasSemantics": (1, "14 17"),
    "MethodDefOrRef": (1, "06 0a"),
    "MemberForwarded": (1, "04 06"),
    "Implementation": (2, "26 23 27"),
    "ResolutionScope": (2, "00 1a 23 01"),
}
"""References to one of several tables: how many bits say to which one, and the tables."""


def children(view: View, layout: Layout, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the resources in a program of .NET, and record what its metadata says where somebody asks."""
    try:
        program = _Program(view, layout)
        if unpacking.wants_facts:
            program.tell(unpacking)
        yield from program.resources(unpacking)
    except (MalformedInput, struct.error, IndexError) as error:
        text = str(error) if isinstance(error, MalformedInput) else "cut off"
        unpacking.problem(ProblemKind.MALFORMED, f"the metadata of .NET is damaged: {text}")


class _Table(NamedTuple):
    """Where the rows of a table stand in the stream of tables, and the widths of their columns."""

    start: int
    rows: int
    widths: list[int]


class _Program:
    """A program's metadata; raises ``MalformedInput`` where it makes no sense."""

    def __init__(self, view: View, layout: Layout) -> None:
        self._view = view
        self._layout = layout
        place = self._at(layout.directories[_DIRECTORY][0])
        head = view.read(place, _HEADER.size)
        if len(head) < _HEADER.size:
            raise MalformedInput("the header is cut off")
        _, _, address, size, self.flags, self._resources, self._resources_size = _HEADER.unpack(head)
        self._root = self._at(address)
        self._size = size
        self.version = ""
        self.streams: dict[str, tuple[int, int]] = {}
        self._read_root()
        self._tables: dict[int, _Table] = {}
        self._data = b""
        self._read_tables()

    def _at(self, address: int) -> int:
        place = pe.file_offset(self._layout, address, self._view.size)
        if place is None:
            raise MalformedInput("it lies outside of the file")
        return place

    def _read_root(self) -> None:
        """Find the streams."""
        head = self._view.read(self._root, 16)
        if head[:4] != b"BSJB":
            raise MalformedInput("it has another beginning")
        length = int.from_bytes(head[12:16], "little")
        if length > _LONGEST_NAME:
            raise MalformedInput("the version is too long")
        self.version = self._view.read(self._root + 16, length).split(b"\0")[0].decode("utf-8", "replace")
        at = self._root + 16 + length
        count = int.from_bytes(self._view.read(at + 2, 2), "little")
        at += 4
        for _ in range(min(count, _MOST_STREAMS)):
            entry = self._view.read(at, 40)
            start, size = struct.unpack_from("<II", entry)
            name = entry[8:].split(b"\0")[0]
            self.streams.setdefault(name.decode("latin-1"), (self._root + start, size))
            at += 8 + (len(name) + 4 & ~3)

    def _read_tables(self) -> None:
        """Find the tables up to that of resources: each begins where the one before it ends."""
        start, size = self.streams.get("#~") or self.streams.get("#-") or (0, 0)
        if not start:
            return
        if size > _LARGEST_TABLES:
            raise LimitReached("decoder_memory", _LARGEST_TABLES)
        self._data = data = self._view.read(start, size)
        heaps, valid = data[6], int.from_bytes(data[8:16], "little")
        numbers = [number for number in range(64) if valid >> number & 1]
        counts = dict(zip(numbers, struct.unpack_from(f"<{len(numbers)}I", data, 24), strict=True))
        at = 24 + 4 * len(numbers) + (4 if heaps & 0x40 else 0)
        for number, columns in enumerate(_COLUMNS.replace("\n", "|").strip("|").split("|")):
            widths = [_width(column, counts, heaps) for column in columns.split()]
            count = counts.get(number, 0)
            self._tables[number] = _Table(at, count, widths)
            at += count * sum(widths)

    def _rows(self, number: int) -> Iterator[list[int]]:
        """Yield the rows of a table as numbers; raises ``MalformedInput`` when they are cut off."""
        table = self._tables.get(number)
        if table is None:
            return
        at = table.start
        for _ in range(table.rows):
            row = []
            for width in table.widths:
                row.append(int.from_bytes(self._data[at : at + width], "little"))
                at += width
            if at > len(self._data):
                raise MalformedInput("a table is cut off")
            yield row

    def _string(self, place: int) -> str:
        start, size = self.streams.get("#Strings", (0, 0))
        text = self._view.read(start + place, min(_LONGEST_NAME, max(size - place, 0)))
        return text.split(b"\0")[0].decode("utf-8", "surrogateescape")

    def resources(self, unpacking: Unpacking) -> Iterator[Child]:
        """Yield the resources that lie in this program."""
        if not self._resources:
            return
        base = self._at(self._resources)
        seen: set[int] = set()
        for place, _, name, elsewhere in self._rows(_RESOURCE):
            unpacking.budget.tick()
            if elsewhere or place in seen:
                continue
            seen.add(place)
            label = f"resource:{self._string(name)}"
            size = int.from_bytes(self._view.read(base + place, 4), "little")
            content = self._view.slice(base + place + 4, size)
            if content.size < size:
                unpacking.problem(ProblemKind.TRUNCATED, f"{label[:100]} is cut off")
            if content.size:
                yield Child(label, content)

    def tell(self, unpacking: Unpacking) -> None:
        """Record what the metadata says."""
        unpacking.fact("dotnet", self.version)
        unpacking.fact("dotnet-streams", ", ".join(self.streams))
        for row in self._rows(_MODULE):
            unpacking.fact("dotnet-module", self._string(row[1]))
            unpacking.fact("dotnet-mvid", self._identifier(row[2]))
        for row in self._rows(_ASSEMBLY):
            version = ".".join(map(str, row[1:5]))
            unpacking.fact("dotnet-assembly", f"{self._string(row[7])} {version}")
        self._tell_list("dotnet-references", [row[6] for row in self._listed(_REFERENCE)], unpacking)
        self._tell_list("dotnet-calls", [row[2] for row in self._listed(_IMPORT)], unpacking)
        self._tell_list("dotnet-libraries", [row[0] for row in self._listed(_IMPORTED_MODULE)], unpacking)

    def _listed(self, number: int) -> list[list[int]]:
        return [row for row, _ in zip(self._rows(number), range(_MOST_LISTED), strict=False)]

    def _tell_list(self, key: str, places: list[int], unpacking: Unpacking) -> None:
        if places:
            unpacking.fact(key, ", ".join(dict.fromkeys(map(self._string, places))))

    def _identifier(self, number: int) -> str:
        start, size = self.streams.get("#GUID", (0, 0))
        data = self._view.read(start + 16 * (number - 1), 16) if 0 < number <= size // 16 else b""
        if len(data) < 16:
            return ""
        first, second, third = struct.unpack_from("<IHH", data)
        return f"{first:08x}-{second:04x}-{third:04x}-{data[8:10].hex()}-{data[10:].hex()}"


def _width(column: str, counts: dict[int, int], heaps: int) -> int:
    """Return how many bytes a column takes."""
    if column in ("2", "4"):
        return int(column)
    if column in ("s", "g", "b"):
        return 4 if heaps >> "sgb".index(column) & 1 else 2
    bits, tables = _CODED.get(column, (0, column))
    largest = max(counts.get(int(table, 16), 0) for table in tables.split())
    return 4 if largest >= 1 << (16 - bits) else 2
