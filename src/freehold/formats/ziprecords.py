"""The records of a zip archive: local headers, the central directory, and the records that say where it is.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5. Nothing here decides what is true: it reads what stands there.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.model.interfaces import Unpacking
from freehold.model.view import View

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"

END_BYTES = 22
_LOCAL_FIXED = struct.Struct("<4s5H3I2H")
_CENTRAL_FIXED = struct.Struct("<4s6H3I5H2I")
_END_FIXED = struct.Struct("<4s4H2IH")
_END64_FIXED = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64_FIXED = struct.Struct("<4sIQI")
_ZIP64 = 1
_AES = 0x9901
_UNKNOWN = 0xFFFFFFFF
_READ_AHEAD = 1 << 18

ENCRYPTED = 1 << 0
HAS_DESCRIPTOR = 1 << 3
MASKED = 1 << 13
METHOD_AES = 99


class Entry(NamedTuple):
    """One member as a local header or a record of the central directory describes it.

    Attributes:
        header: where its local header begins, from the start of the view.
        version: of the specification that is needed to extract it, times ten.
        content: where its content begins; only a local header says that, otherwise 0.
        packed: bytes of compressed content; 0 also when it is only known behind the content.
        unpacked: bytes of content.
    """

    name: bytes
    version: int
    header: int
    content: int
    method: int
    flags: int
    checksum: int
    packed: int
    unpacked: int

    @property
    def encrypted(self) -> bool:
        """Whether the content is said to be encrypted."""
        return bool(self.flags & (ENCRYPTED | MASKED)) or self.method == METHOD_AES


class End(NamedTuple):
    """What an end record says about the central directory.

    Attributes:
        start: where the records that end the archive begin, and the central directory should end.
        end: where the archive ends, its comment included.
        directory: declared start of the central directory, from the archive's first byte.
        size: its declared length in bytes.
        volume: number of this volume, 0 unless the archive was split.
    """

    start: int
    end: int
    directory: int
    size: int
    volume: int

    def places(self) -> list[tuple[int, int]]:
        """Return where the directory may begin, each with what must be added to the offsets in it.

        As declared, or right in front of the end record: they differ when something was put before the archive.
        """
        shift = self.start - self.size - self.directory
        return [(self.directory, 0)] if shift <= 0 else [(self.directory + shift, shift), (self.directory, 0)]


def read_local(view: View, position: int) -> Entry | None:
    """Return what the local header at ``position`` says, None when there is none."""
    fixed = view.read(position, _LOCAL_FIXED.size)
    if len(fixed) < _LOCAL_FIXED.size or not fixed.startswith(LOCAL):
        return None
    _, version, flags, method, _, _, checksum, packed, unpacked, name_size, extra_size = _LOCAL_FIXED.unpack(fixed)
    tail = view.read(position + len(fixed), name_size + extra_size)
    content = position + len(fixed) + name_size + extra_size
    entry = Entry(tail[:name_size], version & 0xFF, position, content, method, flags, checksum, packed, unpacked)
    if _UNKNOWN in (packed, unpacked):
        return _with_zip64(entry, tail[name_size:])
    return entry


def read_end(view: View, position: int) -> End | None:
    """Return what the end record at ``position``, or the zip64 one before it, says; None when there is none."""
    fixed = view.read(position, END_BYTES)
    if len(fixed) < END_BYTES or not fixed.startswith(END):
        return None
    _, volume, _, _, count, size, directory, comment = _END_FIXED.unpack(fixed)
    end = position + END_BYTES + comment
    if volume != 0xFFFF and count != 0xFFFF and _UNKNOWN not in (size, directory):
        return End(position, end, directory, size, volume)
    return _read_end64(view, position, end) or End(position, end, directory, size, volume)


def _read_end64(view: View, position: int, end: int) -> End | None:
    before = position - _LOCATOR64_FIXED.size
    locator = view.read(before, _LOCATOR64_FIXED.size) if before >= 0 else b""
    if not locator.startswith(_LOCATOR64):
        return None
    declared = _LOCATOR64_FIXED.unpack(locator)[2]
    for place in (declared, before - _END64_FIXED.size):
        fixed = view.read(place, _END64_FIXED.size) if 0 <= place < view.size else b""
        if len(fixed) == _END64_FIXED.size and fixed.startswith(_END64):
            _, _, _, _, volume, _, _, _, size, directory = _END64_FIXED.unpack(fixed)
            return End(place, end, directory, size, volume)
    return None


class Directory:
    """The records of one central directory.

    Attributes:
        position: how far it was read.
    """

    __slots__ = ("_data", "_data_start", "_shift", "_view", "position")

    def __init__(self, view: View, start: int, shift: int) -> None:
        """``shift`` is added to every offset in it."""
        self._view = view
        self._shift = shift
        self._data = b""
        self._data_start = start
        self.position = start

    def entries(self, unpacking: Unpacking) -> Iterator[Entry]:
        """Yield records until something else stands there; what the end record says of their number is not believed."""
        while True:
            fixed = self._read(_CENTRAL_FIXED.size)
            if len(fixed) < _CENTRAL_FIXED.size or not fixed.startswith(CENTRAL):
                return
            version, flags, method, _, _, checksum, packed, unpacked, name_size, extra_size, comment_size = (
                _CENTRAL_FIXED.unpack(fixed)
            )[2:13]
            header = int.from_bytes(fixed[42:46], "little")
            tail = self._read(len(fixed) + name_size + extra_size)[len(fixed) :]
            self.position += len(fixed) + name_size + extra_size + comment_size
            entry = Entry(tail[:name_size], version & 0xFF, header, 0, method, flags, checksum, packed, unpacked)
            if _UNKNOWN in (packed, unpacked, header):
                entry = _with_zip64(entry, tail[name_size:])
            unpacking.budget.tick()
            yield entry._replace(header=entry.header + self._shift) if self._shift else entry

    def _read(self, length: int) -> bytes:
        """Return up to ``length`` bytes from ``position`` on."""
        offset = self.position - self._data_start
        if not 0 <= offset <= offset + length <= len(self._data):
            self._data = self._view.read(self.position, max(length, _READ_AHEAD))
            self._data_start = self.position
            offset = 0
        return self._data[offset : offset + length]


def _with_zip64(entry: Entry, extra: bytes) -> Entry:
    """Return the entry with its real sizes: the zip64 field holds those that do not fit, in this order."""
    values = _zip64_values(extra)
    unpacked = next(values, entry.unpacked) if entry.unpacked == _UNKNOWN else entry.unpacked
    packed = next(values, entry.packed) if entry.packed == _UNKNOWN else entry.packed
    header = next(values, entry.header) if entry.header == _UNKNOWN else entry.header
    return entry._replace(unpacked=unpacked, packed=packed, header=header)


def _zip64_values(extra: bytes) -> Iterator[int]:
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, position)
        if kind == _ZIP64:
            field = extra[position + 4 : position + 4 + size]
            for (value,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8]):
                yield value
            return
        position += 4 + size
