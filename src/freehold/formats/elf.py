"""Layout of ELF programs, with ClamAV's refusals.

The entry point is found through the program headers, sections come from the section headers. A file whose section
headers were stripped together with their entry size is refused, as ClamAV refuses it.

Source: System V ABI, chapter 4; observed behaviour of ClamAV 1.4.
"""

import struct
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout, ProgramKind, Section
from freehold.model.view import View

_MOST_SEGMENTS = 128
_MOST_SECTIONS = 256
_WORD = 0xFFFFFFFF


def read(view: View) -> Layout:
    """Return the layout of an ELF program; raises ``MalformedInput`` where ClamAV finds no usable header."""
    head = view.read(0, 64)
    is_64 = head[4:5] == b"\2"
    if head[:4] != b"\x7fELF" or head[4:5] not in (b"\1", b"\2") or len(head) < (64 if is_64 else 52):
        raise MalformedInput("no ELF header")
    reader = _Reader(view, "<" if head[5] == 1 else ">", is_64=is_64)
    entry, segments_at, sections_at = reader.unpack("QQQ" if is_64 else "III", head, 24)
    segment_size, segments, section_size, sections = reader.unpack("HHHH", head, 54 if is_64 else 42)
    if segments > _MOST_SEGMENTS or sections > _MOST_SECTIONS:
        raise MalformedInput("an ELF program with too many segments or sections")
    offset = 0
    if segments and entry:
        offset = reader.entry(entry, reader.segments(segments_at, segments, segment_size))
    return Layout(ProgramKind.ELF, offset, reader.sections(sections_at, sections, section_size), is_64=is_64)


class _Reader:
    """Reads the two tables in the byte order and width of one file."""

    def __init__(self, view: View, order: str, *, is_64: bool) -> None:
        self.view = view
        self.order = order
        self.is_64 = is_64

    def unpack(self, form: str, data: bytes, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + form, data, at)

    def table(self, form: str, at: int, count: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Yield the three fields of each entry; raises ``MalformedInput`` when the stated size is not theirs."""
        entry = struct.Struct(self.order + form)
        data = self.view.read(at, entry.size * count)
        if size != entry.size or len(data) < entry.size * count:
            raise MalformedInput("a header table of an ELF program is cut or has entries of an unknown size")
        return entry.iter_unpack(data)

    def segments(self, at: int, count: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Yield offset, address and length in memory."""
        return self.table("8xQQ16xQ8x" if self.is_64 else "4xII8xI8x", at, count, size)

    def sections(self, at: int, count: int, size: int) -> tuple[Section, ...]:
        fields = self.table("16xQQQ24x" if self.is_64 else "12xIII16x", at, count, size)
        return tuple(
            Section("", address & _WORD, 0, start & _WORD, length & _WORD) for address, start, length in fields
        )

    def entry(self, address: int, segments: Iterator[tuple[int, int, int]]) -> int:
        """Return an address as an offset in the file: the first segment that is loaded around it decides."""
        mask = (1 << 64) - 1 if self.is_64 else _WORD
        for start, first, length in segments:
            if first <= address < (first + length) & mask:
                return (address - first + start) & _WORD
        raise MalformedInput("the entry point of an ELF program lies in no segment")
