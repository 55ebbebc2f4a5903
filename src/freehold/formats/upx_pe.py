"""Windows programs that UPX packed, put together again: header, sections, imports and relocations.

The decoded image ends with what UPX took out of the program: its header and section table, then the lists of imports
and of relocations. The names of libraries and ordinals stand in the part that was left uncompressed.

Source: Microsoft's PE format specification; observed output of ``upx`` 3.9 and 4.2.
"""

import struct
from typing import NamedTuple

from freehold.formats import upx
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Unpacking
from freehold.model.layout import Layout
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_BEFORE = 64
_WITHIN = 1024
_HEADER = struct.Struct("<4sBBBBIIIIIBBBB")
_MOST_SECTIONS = 96
_IMPORTS, _RELOCATIONS = 1, 5
_STRIPPED = 1
_MASK = 0xFFFFFFFF


class _Packed(NamedTuple):
    """Where the packed code of a program is and how it was packed."""

    method: int
    filter: int
    mark: int
    start: int
    packed_size: int
    size: int


def restored(view: View, layout: Layout, unpacking: Unpacking) -> View | None:
    """Return the program that UPX packed; None when it packed none.

    Raises:
        MalformedInput: it is damaged, or packed in a way that is not known here.
        LimitReached: it is too large.
    """
    packed = _find(view, layout)
    return None if packed is None else _restore(view, layout, packed, unpacking)


def _find(view: View, layout: Layout) -> _Packed | None:
    """Return what UPX's header says, None when there is none."""
    if len(layout.sections) < 2:
        return None
    for section in layout.sections[1:3]:
        around = max(section.start - _BEFORE, 0)
        data = view.read(around, _WITHIN)
        at = data.find(upx.MAGIC)
        if at >= 0 and len(data) >= at + _HEADER.size:
            _, version, _, method, _, _, _, size, packed, _, filter_, mark, _, _ = _HEADER.unpack_from(data, at)
            if version < 10:
                return None
            return _Packed(method, filter_, mark, around + at + _HEADER.size, packed, size)
    return None


def _restore(view: View, layout: Layout, packed: _Packed, unpacking: Unpacking) -> View:
    """Return the program as it was before it was packed, as far as UPX kept it; raises as ``restored`` does."""
    data = view.read(packed.start, packed.packed_size)
    image = upx.decompress(packed.method, data, packed.size, unpacking.budget)
    program = _Program(view, layout, image)
    try:
        upx.unfilter(packed.filter, packed.mark, image, program.code_start, program.code_size)
    except upx.UnknownMethod as error:
        unpacking.problem(ProblemKind.UNSUPPORTED, str(error))
    try:
        program.restore_imports()
        program.restore_relocations()
    except MalformedInput as error:  # the code is there all the same
        unpacking.problem(ProblemKind.MALFORMED, f"packed with UPX: {error}")
    return BytesView(program.file(view, unpacking.budget.limits.decoder_memory))


class _Program:
    """The decoded image of a program, with its own header, and the lists that follow."""

    def __init__(self, view: View, layout: Layout, image: bytearray) -> None:
        self._image = image
        self._layout = layout
        self._names = _left_uncompressed(view, layout)
        self._wide = layout.is_64
        start = int.from_bytes(image[-4:], "little")
        optional = 0x108 if self._wide else 0xF8
        self._header = bytes(image[start : start + optional])
        if len(self._header) < optional or self._header[:4] != b"PE\0\0":
            raise MalformedInput("UPX's copy of the program's header is damaged")
        count = int.from_bytes(self._header[6:8], "little")
        self._table = bytes(image[start + optional : start + optional + 40 * count])
        if not 0 < count <= _MOST_SECTIONS or len(self._table) < 40 * count:
            raise MalformedInput("UPX's copy of the section table is damaged")
        self._extra = start + optional + 40 * count
        self._base = int.from_bytes(self._table[12:16], "little")
        (self.code_size,) = struct.unpack_from("<I", self._header, 28)
        (code,) = struct.unpack_from("<I", self._header, 44)
        self.code_start = code - self._base
        if self.code_start < 0 or self.code_start + self.code_size > len(image):
            raise MalformedInput("the code of the program lies outside of what was decoded")

    def _directory(self, index: int) -> tuple[int, int]:
        address, size = struct.unpack_from("<II", self._header, (136 if self._wide else 120) + 8 * index)
        return address, size

    def _take(self, form: str) -> tuple[int, ...]:
        """Return the next fields of the lists."""
        try:
            fields = struct.unpack_from(form, self._image, self._extra)
        except struct.error as error:
            raise MalformedInput("UPX's lists are cut off") from error
        self._extra += struct.calcsize(form)
        return fields

    def restore_imports(self) -> None:
        """Write the tables of imports back."""
        address, size = self._directory(_IMPORTS)
        if address and size > 20:
            at, names = self._take("<II")
            _Imports(self._image, self._names, self._base, wide=self._wide).restore(at, names, address - self._base)

    def restore_relocations(self) -> None:
        """Make addresses in the image absolute again, and put back their order of bytes."""
        address, size = self._directory(_RELOCATIONS)
        stripped = int.from_bytes(self._header[22:24], "little") & _STRIPPED
        if not address or not size or size == 8 or stripped:
            return
        (at, _) = self._take("<IB")
        form, big = ("<Q", ">Q") if self._wide else ("<I", ">I")
        (image_base,) = struct.unpack_from(form, self._header, 48 if self._wide else 52)
        mask = (1 << 64) - 1 if self._wide else _MASK
        image = self._image
        place = -4
        while at < len(image) and image[at]:
            delta, at = _delta(image, at)
            place += delta
            if delta < 4 or place + struct.calcsize(form) > len(image):
                raise MalformedInput("UPX's list of relocations is damaged")
            (value,) = struct.unpack_from(big, image, place)
            struct.pack_into(form, image, place, (value + image_base + self._base) & mask)

    def file(self, view: View, most: int) -> bytes:
        """Return the program as a file; ``most`` is the largest that is made."""
        stub = int.from_bytes(view.read(60, 4), "little")
        head = view.read(0, stub) + self._header + self._table
        out = bytearray(head)
        for _, address, size, start in struct.iter_unpack("<8x4I16x", self._table):
            content = self._image[max(address - self._base, 0) :][:size] if address >= self._base else b""
            if not start or not content:
                continue
            if start + len(content) > most:
                raise MalformedInput("a section of the packed program lies too far away")
            out += bytes(max(start + len(content) - len(out), 0))
            out[start : start + len(content)] = content
        return bytes(out)


def _delta(image: bytearray, at: int) -> tuple[int, int]:
    """Return the distance to the next relocation and where the list goes on."""
    first = image[at]
    if first < 0xF0:
        return first, at + 1
    delta = (first & 15) << 16 | int.from_bytes(image[at + 1 : at + 3], "little")
    if delta:
        return delta, at + 3
    return int.from_bytes(image[at + 3 : at + 7], "little"), at + 7


class _Names(NamedTuple):
    """The part of a packed program that was left uncompressed, for the loader."""

    data: bytes
    imports: int

    def text(self, offset: int) -> bytes:
        """Return the name at an offset from the table of imports; raises ``MalformedInput``."""
        at = self.imports + offset
        end = self.data.find(b"\0", at) if 0 <= at < len(self.data) else -1
        if end < 0:
            raise MalformedInput("the name of a library is missing")
        return self.data[at:end]


def _left_uncompressed(view: View, layout: Layout) -> _Names:
    if len(layout.sections) < 3 or len(layout.directories) <= _IMPORTS:
        return _Names(b"", 0)
    section = layout.sections[2]
    return _Names(view.read(section.start, section.size), layout.directories[_IMPORTS][0] - section.address)


class _Imports:
    """Writes import tables: for each library an offset of its name and one of its addresses, then its functions."""

    def __init__(self, image: bytearray, names: _Names, base: int, *, wide: bool) -> None:
        self._image = image
        self._names = names
        self._base = base
        self._form = "<Q" if wide else "<I"
        self._by_number = 1 << (63 if wide else 31)

    def restore(self, at: int, names_at: int, table: int) -> None:
        """Write the tables; ``at``: UPX's list, ``names_at``: where names go, 0 for where they were."""
        image = self._image
        width = struct.calcsize(self._form)
        libraries, functions = names_at, names_at + self._library_names(at) if names_at else 0
        functions_start = functions
        while (name_at := self._word(at)) != 0:
            name = self._names.text(name_at) + b"\0"
            addresses = self._word(at + 4)
            if names_at:
                self._put(libraries, name)
                self._put(table + 12, struct.pack("<I", libraries + self._base & _MASK))
                libraries += len(name)
            else:
                self._put(self._word(table + 12) - self._base, name)
            self._put(table + 16, struct.pack("<I", addresses + self._base & _MASK))
            at += 8
            while at < len(image) and image[at]:
                value, at, function = self._function(at, addresses)
                if function and names_at:
                    functions -= (functions - functions_start) & 1
                    value = functions + self._base
                    self._put(functions + 2, function)
                    functions += 2 + len(function)
                elif function:
                    self._put(value - self._base + 2, function)
                self._put(addresses, struct.pack(self._form, value & ((1 << 8 * width) - 1)))
                addresses += width
            self._put(addresses, bytes(width))
            at += 1
            table += 20

    def _function(self, at: int, addresses: int) -> tuple[int, int, bytes]:
        """Return the value of the next import, where the list goes on, and its name, if it has one."""
        kind = self._image[at]
        if kind == 1:
            end = self._image.find(b"\0", at)
            if end < 0:
                raise MalformedInput("UPX's list of imports is cut off")
            value = int.from_bytes(self._image[addresses : addresses + struct.calcsize(self._form)], "little")
            return value, end + 1, bytes(self._image[at + 1 : end + 1])
        if kind == 0xFF:
            return int.from_bytes(self._image[at + 1 : at + 3], "little") | self._by_number, at + 3, b""
        place = self._names.imports + self._word(at + 1)
        held = self._names.data[max(place, 0) :][: struct.calcsize(self._form)]
        return int.from_bytes(held, "little"), at + 5, b""

    def _library_names(self, at: int) -> int:
        """Return how many bytes the names of all libraries take, rounded up."""
        length = 0
        while (name_at := self._word(at)) != 0:
            length += len(self._names.text(name_at)) + 1
            at += 8
            while at < len(self._image) and self._image[at]:
                _, at, _ = self._function(at, 0)
            at += 1
        return length + (length & 1)

    def _word(self, at: int) -> int:
        return int.from_bytes(self._image[at : at + 4], "little") if at >= 0 else 0

    def _put(self, at: int, data: bytes) -> None:
        if at < 0 or at + len(data) > len(self._image):
            raise MalformedInput("UPX's list of imports is damaged")
        self._image[at : at + len(data)] = data
