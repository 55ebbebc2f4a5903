"""Mach-O files for several processors: one program each, as slices.

Source: Apple's <mach-o/fat.h>.
"""

import struct
from collections.abc import Iterator

from freehold.formats.extents import Extents, rest
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_HEAD = 8
_ROWS = {b"\xca\xfe\xba\xbe": struct.Struct(">IIIII"), b"\xca\xfe\xba\xbf": struct.Struct(">IIQQII")}
PROCESSORS = {7: "i386", 12: "arm", 18: "ppc", 0x01000007: "x86_64", 0x0100000C: "arm64", 0x01000012: "ppc64"}


class _MachoFat:
    name = "macho_fat"
    types = frozenset({"macho-fat"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` for a table that is cut off."""
        head = view.read(0, _HEAD)
        row = _ROWS.get(head[:4])
        if row is None or len(head) < _HEAD:
            raise MalformedInput("there is no table of programs")
        count = int.from_bytes(head[4:], "big")
        table = view.read(_HEAD, count * row.size)
        if len(table) < count * row.size:
            unpacking.problem(ProblemKind.TRUNCATED, "the table of programs is cut off")
        claimed = Extents()
        claimed.add(0, _HEAD + len(table))
        seen: set[tuple[int, int]] = set()
        whole = table[: len(table) - len(table) % row.size]
        for number, (processor, _, start, size, *_) in enumerate(row.iter_unpack(whole)):
            if start + size > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"program {number + 1} is cut off")
            if not start or start >= view.size or not size or (start, size) in seen:
                continue
            seen.add((start, size))
            claimed.add(start, min(start + size, view.size))
            yield Child(PROCESSORS.get(processor, f"processor-{processor}"), view.slice(start, size))
        for start, end in claimed.gaps(view.size):
            yield from rest(view, start, end)


FORMAT: Format = _MachoFat()
