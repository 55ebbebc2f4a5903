"""InstallShield's cabinets (``ISc(``), and its self-extracting setup, which carries them behind its program.

The list of files stands in the first cabinet (release 5) or in ``data1.hdr`` (from release 6 on), their content in
blocks of deflate in ``data1.cab``, ``data2.cab`` and so on. Setups of one file hold all of these one behind the other.

Source: observed installers; the layout that unshield and others describe.
"""

import re
import struct
import zlib
from collections.abc import Generator, Iterator
from functools import cache
from typing import NamedTuple

from freehold.formats.inflate import Inflater
from freehold.formats.pulled import EndOfInput, PulledStream, Source
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MAGIC = b"ISc("
_HEADER = struct.Struct("<4sI4xII")
_VOLUME_6 = struct.Struct("<8x2I6Q")
_FILE_5 = struct.Struct("<IIHII12x8xI16x")
_FILE_6_SIZE = 0x57
_SPLIT, _OBFUSCATED, _COMPRESSED, _INVALID = 1, 2, 4, 8
_IS_A_COPY = 1
_MOST_FILES = 1 << 16
_ENTRY = re.compile(rb"([^\0]{1,260})\0([^\0]{1,260})\0([\d., ]{0,40})\0(\d{1,12})\0")
_WIDE_ENTRY = re.compile(
    rb"((?:[^\0].){1,260})\0\0((?:[^\0].){1,260})\0\0((?:[\d., ]\0){0,40})\0\0((?:\d\0){1,12})\0\0", re.DOTALL
)
_LONGEST_ENTRY = 2 * (2 * 260 + 60)


class _File(NamedTuple):
    """One file of a cabinet: where it is, in the volume that it begins in."""

    name: str
    flags: int
    size: int
    packed: int
    start: int
    volume: int


def setup(view: View, start: int, end: int, unpacking: Unpacking) -> Generator[Child, None, int]:
    """Yield what a self-extracting setup carries in [start, end); return where it ends (``start``: there is none)."""
    header: View | None = None
    volumes: dict[int, View] = {}
    while entry := _entry(view, start, end):
        name, content, start = entry
        unpacking.budget.tick()
        base = name.replace("\\", "/").rpartition("/")[2].lower()
        number = re.fullmatch(r"data(\d{1,4})\.cab", base)
        if base == "data1.hdr" and content.read(0, 4) == MAGIC:
            header = content
        elif number and content.read(0, 4) == MAGIC:
            volumes[int(number[1])] = content
        elif content.size:
            yield Child(name, content)
    first = header or volumes.get(1)
    if first is not None:
        yield from _Cabinet(first, volumes, unpacking).children()
    return start


def _entry(view: View, start: int, end: int) -> tuple[str, View, int] | None:
    """Return the path of the file whose description stands at ``start``, its content, and what comes behind it."""
    head = view.read(start, min(_LONGEST_ENTRY, end - start))
    found = _ENTRY.match(head)
    wide = None if found else _WIDE_ENTRY.match(head)
    match = found or wide
    if match is None:
        return None
    codec = "latin-1" if found else "utf-16-le"
    size = int(match[4].replace(b"\0", b""))
    begin = start + match.end()
    if begin + size > end:
        return None
    return match[2].decode(codec, "replace"), view.slice(begin, size), begin + size


class _Cabinet:
    """One set of volumes.

    Args:
        header: holds the list of files.
        volumes: by number, those that are at hand.
    """

    def __init__(self, header: View, volumes: dict[int, View], unpacking: Unpacking) -> None:
        self._header = header
        self._volumes = volumes
        self._unpacking = unpacking
        head = header.read(0, _HEADER.size)
        if len(head) < _HEADER.size or head[:4] != MAGIC:
            raise MalformedInput("the header is cut off")
        _, version, self._base, self._length = _HEADER.unpack(head)
        self._major = version >> 12 & 15 if version >> 24 == 1 else (version & 0xFFFF) // 100
        if version >> 24 not in (1, 2, 4):
            self._major = 5 if not version else 6

    def children(self) -> Iterator[Child]:
        """Yield all files; says so when their list is elsewhere."""
        if not self._length:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the list of files lies in another file (data1.hdr)")
            return
        for file in self._files():
            self._unpacking.budget.tick()
            if file.flags & _INVALID or not file.size or file.start < _HEADER.size:
                continue  # nothing, or a file beside the cabinet
            ranges = self._ranges(file)
            if not ranges:
                where = f"{file.name[:100]} lies in another file (data{file.volume}.cab)"
                self._unpacking.problem(ProblemKind.TRUNCATED, where)
                continue
            yield self._content(file, ranges)

    def _files(self) -> Iterator[_File]:
        descriptor = self._header.slice(self._base, self._header.size)
        table, folders, count, second = (
            int.from_bytes(descriptor.read(at, 4), "little") for at in (0x0C, 0x1C, 0x28, 0x2C)
        )
        if count > _MOST_FILES:
            self._unpacking.problem(ProblemKind.LIMIT, f"more than {_MOST_FILES} files")
            count = _MOST_FILES
        for index in range(count):
            if self._major <= 5:
                place = int.from_bytes(descriptor.read(table + 4 * (folders + index), 4), "little")
                file = self._file_5(descriptor, table, place)
            else:
                file = self._file_6(descriptor, table, second + index * _FILE_6_SIZE)
            if file is None:
                self._unpacking.problem(ProblemKind.TRUNCATED, "the list of files is cut off")
                return
            yield file

    def _file_5(self, descriptor: View, table: int, place: int) -> _File | None:
        data = descriptor.read(table + place, _FILE_5.size)
        if len(data) < _FILE_5.size:
            return None
        name, folder, flags, size, packed, start = _FILE_5.unpack(data)
        return _File(self._name(descriptor, table, name, folder), flags, size, packed, start, 1)

    def _file_6(self, descriptor: View, table: int, place: int) -> _File | None:
        data = descriptor.read(table + place, _FILE_6_SIZE)
        if len(data) < _FILE_6_SIZE:
            return None
        flags, size, packed, start = struct.unpack_from("<HQQQ", data)
        name, folder = struct.unpack_from("<IH", data, 58)
        if data[84] & _IS_A_COPY:
            size = 0
        return _File(self._name(descriptor, table, name, folder), flags, size, packed, start, data[85] | data[86] << 8)

    def _name(self, descriptor: View, table: int, name: int, folder: int) -> str:
        place = int.from_bytes(descriptor.read(table + 4 * folder, 4), "little")
        parts = (self._text(descriptor, table + at) for at in (place, name))
        return "\\".join(part for part in parts if part)

    def _text(self, descriptor: View, at: int) -> str:
        data = descriptor.read(at, 520)
        if self._major >= 17:
            return data.decode("utf-16-le", "replace").split("\0")[0]
        return data.split(b"\0")[0].decode("latin-1")

    def _ranges(self, file: _File) -> list[tuple[View, int, int]]:
        """Return where the bytes of a file lie: in one volume, or at the end of one and the beginning of others."""
        length = file.packed if file.flags & _COMPRESSED else file.size
        found: list[tuple[View, int, int]] = []
        number, start = file.volume, file.start
        while length > 0 and (volume := self._volumes.get(number)):
            size = min(length, volume.size - start)
            if file.flags & _SPLIT and self._major > 5:
                start, size = self._part(volume, start, length, first=not found)
            if size <= 0:
                break
            found.append((volume, start, size))
            if not file.flags & _SPLIT:
                break
            length -= size
            number += 1
        return found

    @staticmethod
    def _part(volume: View, start: int, length: int, *, first: bool) -> tuple[int, int]:
        """Return where the part of a split file in one volume begins, and its size."""
        head = volume.read(_HEADER.size, _VOLUME_6.size)
        if len(head) < _VOLUME_6.size:
            return start, 0
        _, _, first_start, _, first_packed, last_start, _, last_packed = _VOLUME_6.unpack(head)
        begin, size = (last_start, last_packed) if first and last_packed else (first_start, first_packed)
        return begin, max(min(size or length, length, volume.size - begin), 0)

    def _content(self, file: _File, ranges: list[tuple[View, int, int]]) -> Child:
        view, start, size = ranges[0]
        if len(ranges) > 1 or file.flags & _OBFUSCATED:
            view, start, size = self._joined(ranges, obfuscated=bool(file.flags & _OBFUSCATED))
        stated = file.packed if file.flags & _COMPRESSED else file.size
        if size < stated:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{file.name[:100]} is cut off")
        if not file.flags & _COMPRESSED:
            return Child(file.name, view.slice(start, size))
        label = file.name[:100]
        stream = PulledStream(view, start, _inflated, self._unpacking, end=start + size, label=label)
        return Child(file.name, stream.chunks(), stream.consumed)

    def _joined(self, ranges: list[tuple[View, int, int]], *, obfuscated: bool) -> tuple[View, int, int]:
        spool = self._unpacking.spool
        spool.begin()
        done = 0
        for view, start, size in ranges:
            for at in range(start, start + size, _PIECE):
                data = view.read(at, min(_PIECE, start + size - at))
                spool.write(_clear(data, done) if obfuscated else data)
                done += len(data)
                self._unpacking.budget.tick()
        return spool.finish(), 0, done


_PERIOD = 0x47
_PIECE = _PERIOD * 1024
_ROTATED = bytes(((value ^ 0xD5) >> 2 | (value ^ 0xD5) << 6) & 0xFF for value in range(256))


@cache
def _table(key: int) -> bytes:
    return bytes((_ROTATED[value] - key) & 0xFF for value in range(256))


def _clear(data: bytes, done: int) -> bytes:
    """Undo the obfuscation of bytes, given how many of the file went before them: it has a period of 71."""
    out = bytearray(data)
    for key in range(_PERIOD):
        first = (key - done) % _PERIOD
        out[first::_PERIOD] = data[first::_PERIOD].translate(_table(key))
    return bytes(out)


def _inflated(source: Source) -> Iterator[bytes]:
    """Decode blocks: the size of each, and a stream of deflate."""
    while head := source.up_to(2):
        if len(head) < 2:
            raise EndOfInput
        block = source.take(int.from_bytes(head, "little"))
        inflater = Inflater()
        try:
            out = inflater.decompress(block, _PIECE) if block else b""
            while out:
                yield out
                out = inflater.decompress(b"", _PIECE) if not inflater.needs_input and not inflater.eof else b""
        except zlib.error as error:
            raise MalformedInput(str(error)) from error


class _InstallShield:
    name = "installshield"
    types = frozenset({"iscab"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        yield from _Cabinet(view, {1: view}, unpacking).children()


FORMAT: Format = _InstallShield()
