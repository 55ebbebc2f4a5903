"""Builds small programs for Windows, Linux and macOS with every field of interest open to mischief."""

import struct
from dataclasses import dataclass, field


@dataclass
class Pe:
    """A PE program; sections are (name, virtual size, address, raw size, raw start)."""

    sections: list[tuple[bytes, int, int, int, int]]
    entry: int = 0x1010
    wide: bool = False
    section_alignment: int = 0x1000
    file_alignment: int = 0x200
    header_size: int = 0x400
    characteristics: int = 2
    directories: dict[int, tuple[int, int]] = field(default_factory=dict)
    number_of_directories: int = 16
    size: int = 0x1000
    content: dict[int, bytes] = field(default_factory=dict)

    def build(self) -> bytes:
        optional = bytearray((112 if self.wide else 96) + 8 * self.number_of_directories)
        struct.pack_into("<H", optional, 0, 0x20B if self.wide else 0x10B)
        struct.pack_into("<I", optional, 16, self.entry)
        struct.pack_into("<II", optional, 32, self.section_alignment, self.file_alignment)
        struct.pack_into("<II", optional, 56, 0x10000, self.header_size)
        struct.pack_into("<H", optional, 68, 3)
        fixed = 112 if self.wide else 96
        struct.pack_into("<I", optional, fixed - 4, self.number_of_directories)
        for index, entry in self.directories.items():
            struct.pack_into("<II", optional, fixed + 8 * index, *entry)
        machine = 0x8664 if self.wide else 0x14C
        header = struct.pack(
            "<4sHHIIIHH", b"PE\0\0", machine, len(self.sections), 0, 0, 0, len(optional), self.characteristics
        )
        table = b"".join(struct.pack("<8sIIII16x", *section) for section in self.sections)
        image = bytearray(pattern(self.size))
        start = b"MZ" + bytes(58) + struct.pack("<I", 64) + header + optional + table
        image[: len(start)] = start
        for offset, content in self.content.items():
            image[offset : offset + len(content)] = content
        return bytes(image)


def pattern(size: int) -> bytes:
    """Bytes of which every four, aligned, occur once."""
    return b"".join(struct.pack("<I", 0x51000000 + index * 7) for index in range(size // 4))


def two_sections(**fields: object) -> Pe:
    sections = [(b".text", 0x333, 0x1000, 0x400, 0x400), (b".data", 0x100, 0x2000, 0x200, 0x800)]
    return Pe(**{"sections": sections, **fields})  # type: ignore[arg-type]


def elf(*, wide: bool = True, order: str = "<", entry: int = 0x401010, sections: int = 3, segments: int = 2) -> bytes:
    """A program whose second segment is loaded at 0x401000 from offset 0x200; sections of 0x40 bytes from there."""
    form = "QQQ" if wide else "III"
    head_size, segment_size, section_size = (64, 56, 64) if wide else (52, 32, 40)
    segments_at, sections_at = head_size, 0x600
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    head = ident + struct.pack(order + "HHI", 2, 62, 1) + struct.pack(order + form, entry, segments_at, sections_at)
    head += struct.pack(order + "IHHHHHH", 0, head_size, segment_size, segments, section_size, sections, 0)
    table = b""
    for address, start in [(0x400000, 0), (0x401000, 0x200), (0x402000, 0x300)][:segments]:
        if wide:
            table += struct.pack(order + "IIQQQQQQ", 1, 5, start, address, address, 0x100, 0x1000, 0x1000)
        else:
            table += struct.pack(order + "IIIIIIII", 1, start, address, address, 0x100, 0x1000, 5, 0x1000)
    image = bytearray(pattern(0x600))
    image[: len(head + table)] = head + table
    for index in range(sections):
        start = 0x200 + 0x40 * index
        fields = (index, 1, 2, 0x401000 + start, start, 0x40, 0, 0, 1, 0)
        image += struct.pack(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"), *fields)
    return bytes(image)


def macho(
    *,
    wide: bool = True,
    order: str = "<",
    processor: int = 7 | 0x1000000,
    entry: int = 0,
    sections: int = 2,
    signature: bytes = b"",
) -> bytes:
    """A program with sections of 0x2a bytes, aligned to 16, from offset 0x400 on, loaded at 0x1000."""
    commands = [_segment(wide, order, sections), struct.pack(order + "II", 0x1B, 24) + bytes(16)]
    if signature:
        commands.append(struct.pack(order + "IIII", 0x1D, 16, 0x600, len(signature)))
        library = b"/usr/lib/libSystem.B.dylib".ljust(32, b"\0")
        commands.append(struct.pack(order + "IIIIII", 0xC, 24 + len(library), 24, 0, 0, 0) + library)
    if entry:
        state = {18: 160, 18 | 0x1000000: 312, 7: 64}[processor]
        first = struct.pack(order + ("Q" if processor == 18 | 0x1000000 else "I"), entry)
        commands.append(struct.pack(order + "IIII", 5, 16 + state, 1, state // 4) + first.ljust(state, b"\0"))
    body = b"".join(commands)
    magic = 0xFEEDFACF if wide else 0xFEEDFACE
    head = struct.pack(order + "IIIIIII", magic, processor, 3, 2, len(commands), len(body), 0) + bytes(4 * wide)
    image = bytearray(pattern(0x600))
    image[: len(head + body)] = head + body
    return bytes(image) + signature


def _segment(wide: bool, order: str, sections: int) -> bytes:
    table = b""
    for index in range(sections):
        name = b"__part%d" % index
        start = 0x400 + 0x40 * index
        form = order + ("16s16sQQIIIIIIII" if wide else "16s16sIIIIIIIII")
        rest = (start, 4, 0, 0, 0, 0, 0)
        table += struct.pack(form, name, b"__TEXT", 0x1000 + 0x40 * index, 0x2A, *rest, *([0] * wide))
    head = b"__TEXT".ljust(16, b"\0") + struct.pack(order + ("QQQQ" if wide else "IIII"), 0x1000, 0x1000, 0, 0x600)
    head += struct.pack(order + "IIII", 7, 5, sections, 0)
    return struct.pack(order + "II", 0x19 if wide else 1, 8 + len(head + table)) + head + table
