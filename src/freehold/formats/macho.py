"""Layout of Mach-O programs (macOS), with ClamAV's refusals.

Sections are those of all segments, in the order of the load commands. Only PowerPC programs have an entry point here:
ClamAV reads none for other processors, so signatures see 0.

Source: Apple's <mach-o/loader.h>; observed behaviour of ClamAV 1.4.
"""

import struct
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout, ProgramKind, Section
from freehold.model.view import View

MAGICS = {
    b"\xce\xfa\xed\xfe": ("<", False),
    b"\xfe\xed\xfa\xce": (">", False),
    b"\xcf\xfa\xed\xfe": ("<", True),
    b"\xfe\xed\xfa\xcf": (">", True),
}
"""Byte order and width of addresses."""
_MOST_COMMANDS = 1024
_MOST_SECTIONS = 255
_MOST_ALIGNMENT = 31
_ZERO_FILLED = frozenset({0x01, 0x0C, 0x12})
"""Types of sections without content in the file: plain, large, of a thread."""
_WORD = 0xFFFFFFFF
_X86, _POWERPC, _POWERPC_64 = 7, 18, 18 | 0x1000000
_THREAD_STATE = {_X86: 64, _POWERPC: 160, _POWERPC_64: 312}
"""Bytes of the register state, by processor."""


def read(view: View) -> Layout:
    """Return the layout of a Mach-O program; raises ``MalformedInput`` where ClamAV finds no usable header."""
    head = view.read(0, 28)
    if len(head) < 28 or head[:4] not in MAGICS:
        raise MalformedInput("no Mach-O header")
    order, is_64 = MAGICS[head[:4]]
    processor, _, _, commands = struct.unpack_from(order + "IIII", head, 4)
    if not 0 < commands <= _MOST_COMMANDS:
        raise MalformedInput("a Mach-O program with no or too many load commands")
    reader = _Reader(view, order, processor, is_64=is_64)
    for _ in range(commands):
        reader.command()
    return Layout(ProgramKind.MACHO, reader.entry_offset(), tuple(reader.sections), is_64=is_64)


class _Reader:
    """Walks over the load commands and collects what they say."""

    def __init__(self, view: View, order: str, processor: int, *, is_64: bool) -> None:
        self.view = view
        self.order = order
        self.processor = processor
        self.is_64 = is_64
        self.at = 32 if is_64 else 28
        self.entry = 0
        self.sections: list[Section] = []

    def take(self, length: int) -> bytes:
        data = self.view.read(self.at, length)
        if len(data) < length:
            raise MalformedInput("a load command of a Mach-O program is cut")
        self.at += length
        return data

    def command(self) -> None:
        kind, size = struct.unpack(self.order + "II", self.take(8))
        if kind == (0x19 if self.is_64 else 0x01):
            self.segment()
        elif kind in (0x4, 0x5) and self.processor in _THREAD_STATE:
            self.thread()
        elif size > 8:
            self.at += size - 8

    def segment(self) -> None:
        segment = self.take(64 if self.is_64 else 48)
        (count,) = struct.unpack_from(self.order + "I", segment, len(segment) - 8)
        if count > _MOST_SECTIONS:
            raise MalformedInput("a segment of a Mach-O program with too many sections")
        self.sections.extend(self.segment_sections(count))

    def segment_sections(self, count: int) -> Iterator[Section]:
        header = struct.Struct(self.order + ("16s16xQQII8xI12x" if self.is_64 else "16s16xIIII8xI8x"))
        for name, address, length, start, alignment, flags in header.iter_unpack(self.take(header.size * count)):
            size = 0
            if flags & 0xFF not in _ZERO_FILLED:
                size = length + -length % (1 << min(alignment, _MOST_ALIGNMENT))
            if alignment > _MOST_ALIGNMENT or size > _WORD:
                raise MalformedInput("a section of a Mach-O program with an impossible alignment or size")
            label = name.split(b"\0", 1)[0].decode("latin-1")
            yield Section(label, address & _WORD, length & _WORD, start, size)

    def thread(self) -> None:
        self.at += 8
        state = self.take(_THREAD_STATE[self.processor])
        if self.processor != _X86:
            width = "Q" if self.processor == _POWERPC_64 else "I"
            self.entry = struct.unpack_from(self.order + width, state)[0] & _WORD

    def entry_offset(self) -> int:
        if not self.entry or not self.sections:
            return self.entry
        for section in self.sections:
            if section.address <= self.entry < (section.address + section.virtual_size) & _WORD:
                return (self.entry - section.address + section.start) & _WORD
        raise MalformedInput("the entry point of a Mach-O program lies in no section")
