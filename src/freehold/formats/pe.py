"""Layout of PE programs (Windows), with ClamAV's roundings and refusals.

What a signature calls "section 2" or "entry point" is what ClamAV's reader makes of the header: starts rounded down and
sizes up to the file alignment, sections cut at the end of the file, and some headers refused that Windows would load.

Source: Microsoft's PE format specification; clamav-signature documentation; observed behaviour of ClamAV 1.4.
"""

import struct

from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout, ProgramKind, Section
from freehold.model.view import View

_FILE_HEADER = struct.Struct("<4sHHIIIHH")
_SECTION_HEADER = struct.Struct("<8sIIII16x")
_WORD = 0xFFFFFFFF
_SIGN = 0x80000000
_MAGIC_64 = 0x20B
_IS_DLL = 0x2000
_SMALLEST_ALIGNMENT = 0x200


def read(view: View) -> Layout:
    """Return the layout of a PE program; raises ``MalformedInput`` where ClamAV finds no usable header."""
    dos = view.read(0, 64)
    if len(dos) < 64 or dos[:2] not in (b"MZ", b"ZM"):
        raise MalformedInput("no DOS header")
    at = int.from_bytes(dos[60:64], "little")
    head = view.read(at, _FILE_HEADER.size + 112) if at else b""
    if len(head) < _FILE_HEADER.size + 96 or head[:4] != b"PE\0\0":
        raise MalformedInput("no PE header")
    _, _, count, _, _, _, optional_size, characteristics = _FILE_HEADER.unpack_from(head)
    if not count:
        raise MalformedInput("a PE header without sections")
    optional = _Optional(view, at + _FILE_HEADER.size, head[_FILE_HEADER.size :], optional_size)
    header_size = _up(optional.header_size, optional.section_alignment)
    sections = _sections(view, at + _FILE_HEADER.size + optional_size, count, optional)
    entry = _file_offset(optional.entry, sections, header_size, view.size)
    if entry is None:
        raise MalformedInput("the entry point of a PE program lies nowhere in the file")
    return Layout(
        ProgramKind.PE,
        entry,
        sections,
        is_64=optional.is_64,
        is_library=bool(characteristics & _IS_DLL),
        header_size=header_size,
        directories=optional.directories,
    )


def file_offset(layout: Layout, address: int, size: int) -> int | None:
    """Return the offset in the file of what is loaded at ``address``, None when no file content is loaded there.

    Args:
        layout: of a PE program.
        address: relative to the image's base.
        size: of the file in bytes.
    """
    return _file_offset(address, layout.sections, layout.header_size, size)


class _Optional:
    """What the optional header says; raises ``MalformedInput`` when it is cut or too small."""

    __slots__ = ("directories", "entry", "file_alignment", "header_size", "is_64", "section_alignment")

    def __init__(self, view: View, at: int, head: bytes, stated: int) -> None:
        self.is_64 = head[:2] == _MAGIC_64.to_bytes(2, "little")
        fixed = 112 if self.is_64 else 96
        if stated < fixed or len(head) < fixed:
            raise MalformedInput("the optional header of a PE program is too small")
        (self.entry,) = struct.unpack_from("<I", head, 16)
        self.section_alignment, self.file_alignment = struct.unpack_from("<II", head, 32)
        (self.header_size,) = struct.unpack_from("<I", head, 60)
        (number,) = struct.unpack_from("<I", head, fixed - 4)
        number = min(number, 16)
        table = view.read(at + fixed, 8 * number)
        if stated < fixed + 8 * number or len(table) < 8 * number:
            raise MalformedInput("the data directories of a PE program are cut")
        self.directories: tuple[tuple[int, int], ...] = tuple(struct.iter_unpack("<II", table))


def _down(value: int, alignment: int) -> int:
    return value - value % alignment if alignment else value


def _up(value: int, alignment: int) -> int:
    return (value + -value % alignment) & _WORD if alignment else value


def _sections(view: View, at: int, count: int, optional: _Optional) -> tuple[Section, ...]:
    table = view.read(at, _SECTION_HEADER.size * count)
    if len(table) < _SECTION_HEADER.size * count:
        raise MalformedInput("the section table of a PE program is cut")
    headers = list(_SECTION_HEADER.iter_unpack(table))
    alignment = optional.file_alignment
    if alignment and any(
        size and start % alignment and not start % _SMALLEST_ALIGNMENT for _, _, _, size, start in headers
    ):
        alignment = _SMALLEST_ALIGNMENT
    return tuple(_section(header, alignment, optional.section_alignment, view.size) for header in headers)


def _section(
    header: tuple[bytes, int, int, int, int], file_alignment: int, section_alignment: int, file_size: int
) -> Section:
    name, virtual_size, address, stated_size, stated_start = header
    start = _down(stated_start, file_alignment)
    size = _up(stated_size, file_alignment)
    if size and (start >= file_size or stated_start >= file_size):
        size = stated_size = 0
    elif size:
        size = min(size, file_size - start)
        stated_size = min(stated_size, file_size - stated_start)
    if (address | virtual_size | stated_size | (stated_start if size else 0)) & _SIGN:
        raise MalformedInput("a section of a PE program has a negative position or size")
    return Section(
        name.split(b"\0", 1)[0].decode("latin-1"),
        _down(address, section_alignment),
        _up(virtual_size or (stated_size if size else 0), section_alignment),
        start,
        size,
    )


def _file_offset(address: int, sections: tuple[Section, ...], header_size: int, file_size: int) -> int | None:
    """The last section that holds the address wins; below the header's end addresses are file offsets."""
    if address < header_size:
        return address if address < file_size else None
    for section in reversed(sections):
        if section.address <= address < section.address + section.size:
            return (address - section.address + section.start) & _WORD
    return None
