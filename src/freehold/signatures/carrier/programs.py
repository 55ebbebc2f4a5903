"""The smallest programs in which patterns stand at the entry point and in sections."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from freehold.model.body import Anchor, Landmarks, Offset
from freehold.model.logical import Range, TargetDescription
from freehold.signatures.carrier.canvas import Canvas
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.pieces import Piece
from freehold.signatures.carrier.versions import version_resource

_ALIGNMENT = 0x200
_PAGE = 0x1000
_OPTIONAL_HEADER = 0xE0
_BASE = 0x400000
_MOST_SECTIONS = 90
_MARGIN = 0x200

Placed = Sequence[tuple[Offset, Piece]]


@dataclass(frozen=True, slots=True)
class _Section:
    raw: int
    size: int
    address: int


def build_pe(canvas: Canvas, placed: Placed, description: TargetDescription, rng: Random) -> Landmarks:
    """Put a PE header and all pieces that are placed by entry point or section; raises ``CannotCarry``."""
    sections = _lay_sections(canvas, placed, description)
    for offset, piece in placed:
        _put_in_section(canvas, sections, offset, piece, rng)
    entry = _put_at_entry(canvas, placed, sections[0], description.entry_point, rng)
    resource, keys = _put_version_info(canvas, placed, sections[-1])
    canvas.grow(sections[-1].raw + sections[-1].size)
    _put_pe_header(canvas, sections, entry, resource)
    return Landmarks(entry, tuple((section.raw, section.size) for section in sections), keys)


def _lay_sections(canvas: Canvas, placed: Placed, description: TargetDescription) -> list[_Section]:
    named = [offset.number for offset, _ in placed if offset.anchor in {Anchor.SECTION, Anchor.SECTION_EXTENT}]
    count = max([1, *(number + 1 for number in named)])
    if description.sections is not None:
        count = max(count, description.sections.minimum)
        if count > description.sections.maximum:
            raise CannotCarry("it names more sections than it allows")
    if count > _MOST_SECTIONS:
        raise CannotCarry(f"it needs {count} sections")
    raw = _aligned(max(_header_place(canvas, count) + 24 + _OPTIONAL_HEADER + 40 * count, 0x400))
    address = _aligned(raw, _PAGE)
    sections = []
    for number in range(count):
        size = _aligned(_bytes_needed(placed, number, last=number == count - 1))
        if number == 0:
            size = _first_size(placed, description.entry_point, raw, size)
        sections.append(_Section(raw, size, address))
        raw += size
        address += _aligned(size, _PAGE)
    return sections


def _bytes_needed(placed: Placed, number: int, *, last: bool) -> int:
    needed = _ALIGNMENT
    if last:
        needed += sum(len(piece.value) + _MARGIN for offset, piece in placed if offset.anchor is Anchor.VERSION_INFO)
    for offset, piece in placed:
        length = len(piece.value)
        within = offset.anchor in {Anchor.SECTION, Anchor.SECTION_EXTENT} and offset.number == number
        if within or (last and offset.anchor is Anchor.LAST_SECTION):
            needed = max(needed, offset.value + length + _MARGIN)
    return needed


def _first_size(placed: Placed, allowed: Range | None, raw: int, size: int) -> int:
    before = max([0, *(piece.lead - offset.value for offset, piece in placed if offset.anchor is Anchor.ENTRY)])
    room = size + 2 * _ALIGNMENT + max(0, before - raw)
    if allowed is not None:
        room = max(room, allowed.minimum - raw + _ALIGNMENT)
    return _aligned(room)


def _put_in_section(canvas: Canvas, sections: list[_Section], offset: Offset, piece: Piece, rng: Random) -> None:
    if offset.anchor is Anchor.SECTION_EXTENT:
        section = sections[offset.number]
        canvas.put_within(section.raw + piece.lead, section.raw + section.size - len(piece.value), piece, rng)
    elif offset.anchor in {Anchor.SECTION, Anchor.LAST_SECTION}:
        start = sections[-1 if offset.anchor is Anchor.LAST_SECTION else offset.number].raw + offset.value
        canvas.put_within(start, start + offset.shift, piece, rng)


def _put_at_entry(canvas: Canvas, placed: Placed, first: _Section, allowed: Range | None, rng: Random) -> int:
    pieces = [(offset, piece) for offset, piece in placed if offset.anchor is Anchor.ENTRY]
    lowest, highest = first.raw, first.raw + first.size - 16
    if allowed is not None:
        lowest, highest = max(lowest, allowed.minimum), min(highest, allowed.maximum)
    candidates: list[int] = [*range(lowest, highest + 1, 16), lowest, highest]
    for entry in candidates:
        if lowest <= entry <= highest and _all_fit(canvas, pieces, entry):
            for offset, piece in pieces:
                start = entry + offset.value
                canvas.put_within(start, start + offset.shift, piece, rng)
            return entry
    raise CannotCarry("no place is found for the entry point")


def _put_version_info(canvas: Canvas, placed: Placed, section: _Section) -> tuple[tuple[int, int], frozenset[int]]:
    """Return address and size of the resources, and the file offsets of the keys."""
    pieces = [piece for offset, piece in placed if offset.anchor is Anchor.VERSION_INFO]
    if not pieces:
        return (0, 0), frozenset()
    for at in range(section.raw, section.raw + section.size, 4):
        address = section.address + at - section.raw
        resource, starts = version_resource(pieces, address)
        if at + len(resource) <= section.raw + section.size and canvas.fits(at, resource, b"\1" * len(resource)):
            canvas.put(at, resource)
            return (address, len(resource)), frozenset(at + start for start in starts)
    raise CannotCarry("no place is found for the version information")


def _all_fit(canvas: Canvas, pieces: Placed, entry: int) -> bool:
    return all(canvas.fits(entry + offset.value - piece.lead, piece.value, piece.care) for offset, piece in pieces)


def _header_place(canvas: Canvas, sections: int) -> int:
    """Return where the PE header can stand beside what was put already."""
    pinned = canvas.get(0x3C, 4)
    length = 24 + _OPTIONAL_HEADER + 40 * sections
    places = [int.from_bytes(pinned, "little")] if pinned else list(range(0x40, 0x2000, 0x40))
    for place in places:
        if canvas.fits(place, bytes(length), b"\1" * length):
            return place
    raise CannotCarry("no place is found for the header")


def _put_pe_header(canvas: Canvas, sections: list[_Section], entry: int, resource: tuple[int, int]) -> None:
    place = _header_place(canvas, len(sections))
    canvas.put(0, b"MZ")
    canvas.put(0x3C, struct.pack("<I", place))
    last = sections[-1]
    image = last.address + _aligned(last.size, _PAGE)
    entry_address = entry - sections[0].raw + sections[0].address
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x14C, len(sections), 0, 0, 0, _OPTIONAL_HEADER, 0x10F)
    optional = struct.pack("<HBBIIIIII", 0x10B, 6, 0, sections[0].size, 0, 0, entry_address, sections[0].address, 0)
    optional += struct.pack("<IIIHHHHHHIIII", _BASE, _PAGE, _ALIGNMENT, 4, 0, 0, 0, 4, 0, 0, image, sections[0].raw, 0)
    optional += struct.pack("<HHIIIIII", 2, 0, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    optional += bytes(16) + struct.pack("<II", *resource) + bytes(104)
    table = b"".join(
        struct.pack("<8sIIIIIIHHI", b".q%d" % number, s.size, s.address, s.size, s.raw, 0, 0, 0, 0, 0x60000020)
        for number, s in enumerate(sections)
    )
    canvas.put(place, coff + optional + table)


def build_elf(canvas: Canvas, placed: Placed, description: TargetDescription, rng: Random) -> Landmarks:
    """Put a 32-bit ELF header with one segment, and all pieces at the entry point; raises ``CannotCarry``."""
    if description.sections is not None or any(o.anchor not in {Anchor.ENTRY, Anchor.START} for o, _ in placed):
        raise CannotCarry("sections of ELF programs are not built")
    pieces = [(offset, piece) for offset, piece in placed if offset.anchor is Anchor.ENTRY]
    entry = next((at for at in range(0x80, 0x2000, 16) if _all_fit(canvas, pieces, at)), None)
    if entry is None or (description.entry_point is not None and description.entry_point.minimum > entry):
        raise CannotCarry("no place is found for the entry point")
    for offset, piece in pieces:
        canvas.put_within(entry + offset.value, entry + offset.value + offset.shift, piece, rng)
    canvas.put(0, b"\x7fELF\x01\x01\x01" + bytes(9))
    base = 0x8048000
    canvas.put(16, struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, base + entry, 52, 0, 0, 52, 32, 1, 40, 0, 0))
    canvas.put(52, struct.pack("<IIIIIIII", 1, 0, base, base, 0x100000, 0x100000, 5, 0x1000))
    canvas.grow(entry + 64)
    return Landmarks(entry)


def _aligned(value: int, to: int = _ALIGNMENT) -> int:
    return -(-value // to) * to
