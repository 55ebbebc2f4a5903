"""Setups that Inno Setup made: the files behind its program, the engine that unpacks them, and their compiled header.

A table of offsets, in a resource or where the program's first bytes say, tells where two things begin: a version with
two packed blocks (all entries of the script; where each file lies), and the files, packed one by one or all together.
Read are releases 4.2.5 (2005) to 7.1; the names come from the header, whose layout changes with each release, by the
shape that entries of files have in all of them.

Source: Inno Setup's own sources (``Shared.Struct.pas``, ``Compression.*.pas``); observed setups.
"""

import lzma
import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.bzip2 import BZIP2
from freehold.formats.extents import Extents, rest
from freehold.formats.forward import Forward
from freehold.formats.inflate import DEFLATE
from freehold.formats.innofiles import Location, Version, locations, names, without_calls
from freehold.formats.streams import Codec, Decoder, Stream
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.limits import MIB
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_TABLE_OLD = b"rDlPtS07\x87eVx"
_TABLE_NEW = b"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a"
_ID = 64
_VERSION = re.compile(rb"Inno Setup Setup Data \((\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?\)(?: \(([uU])\))?")
_OLDEST, _NEWEST = (4, 2, 5), (7, 2)
_ENCRYPTION = 53
_ENCRYPTS_ALL = 2
_PIECE = 4096
_LARGEST_BLOCK = 64 * MIB
_CHUNK = b"zlb\x1a"
_SLICE = b"idsk"


class _Offsets(NamedTuple):
    """Where the parts of a setup begin; ``files`` is 0 where they lie in files of their own."""

    engine: int
    engine_size: int
    header: int
    files: int


def members(view: View, table: int, start: int, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what a setup carries, and what of it nothing speaks of.

    Args:
        view: of the whole program.
        table: where the table of offsets stands.
        start: the end of the program itself.
        unpacking: see ``Format.children``.
    """
    claimed = Extents()
    claimed.add(0, start)
    offsets = _offsets(view.read(table, 64))
    if offsets is None:
        unpacking.problem(ProblemKind.UNSUPPORTED, "a setup of an unknown release of Inno Setup cannot be opened")
    else:
        try:
            yield from _Setup(view, offsets, claimed, unpacking).children()
        except MalformedInput as error:
            unpacking.problem(ProblemKind.MALFORMED, f"Inno Setup: {error}")
    for begin, end in claimed.gaps(view.size):
        yield from rest(view, begin, end)


def _offsets(table: bytes) -> _Offsets | None:
    """Read the table of offsets; None when it is none that is known here, or cut off."""
    try:
        if table.startswith(_TABLE_OLD):
            _, engine, size, _, header, files = struct.unpack_from("<6I", table, 12)
        elif table.startswith(_TABLE_NEW + b"\1\0\0\0"):
            _, engine, size, _, header, files = struct.unpack_from("<6I", table, 16)
        elif table.startswith(_TABLE_NEW + b"\2\0\0\0"):
            _, engine, size, _, header, files = struct.unpack_from("<qqIIqq", table, 16)
        else:
            return None
    except struct.error:
        return None
    return _Offsets(engine, size, header, files) if min(engine, header, files) >= 0 else None


class _Setup:
    """One setup, with the ranges of the view that its parts turned out to take."""

    def __init__(self, view: View, offsets: _Offsets, claimed: Extents, unpacking: Unpacking) -> None:
        self._view = view
        self._offsets = offsets
        self._claimed = claimed
        self._unpacking = unpacking
        self._version: Version = ()

    def children(self) -> Iterator[Child]:
        """Yield the header, the engine and the files; raises ``MalformedInput`` and ``LimitReached``."""
        place = self._offsets.header
        title = self._view.read(place, _ID)
        found = _VERSION.match(title)
        if len(title) < _ID:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the header of the setup is cut off")
            return
        if found is None:
            self._unpacking.problem(ProblemKind.UNSUPPORTED, "a setup of a changed Inno Setup cannot be opened")
            return
        self._version = tuple(int(part) for part in found.groups()[:4] if part)
        self._unpacking.fact("installer", f"Inno Setup {'.'.join(map(str, self._version))}")
        if not _OLDEST <= self._version < _NEWEST:
            self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{title.rstrip(bytes(1)).decode('latin-1')} is unknown")
            return
        wide = bool(found[5]) or self._version >= (6, 3)
        yield from self._parts(place + _ID, wide=wide)

    def _parts(self, place: int, *, wide: bool) -> Iterator[Child]:
        if self._version >= (6, 5):
            encryption = self._view.read(place, _ENCRYPTION)
            place += _ENCRYPTION
            if encryption[4:5] == bytes((_ENCRYPTS_ALL,)):
                self._unpacking.problem(ProblemKind.ENCRYPTED, "the setup is encrypted")
                return
        header, place = self._block(place, "the header")
        yield Child("header", BytesView(header))
        table, place = self._block(place, "the list of files")
        self._claimed.add(self._offsets.header, place)
        yield from self._engine()
        found = locations(table, self._version)
        if not found and table:
            raise MalformedInput("the list of files has an unknown layout")
        yield from self._files(found, names(header, len(found), self._version, wide=wide))

    def _block(self, place: int, what: str) -> tuple[bytes, int]:
        """Return the content of a block, and what comes behind it."""
        packed, is_packed, end = self._pieces(place, what)
        if not is_packed:
            return packed, end
        stream = Stream(BytesView(packed), 5, _lzma1(packed[:5]), self._unpacking, label=what)
        out = bytearray()
        for chunk in stream.chunks():
            out += chunk
            if len(out) > _LARGEST_BLOCK:
                raise LimitReached("decoder_memory", _LARGEST_BLOCK)
        return bytes(out), end

    def _pieces(self, place: int, what: str) -> tuple[bytes, bool, int]:
        """Return a block without the checksums of its pieces, whether it is packed, and what comes behind it."""
        form = "<IqB" if self._version >= (6, 7) else "<IIB"
        head = self._view.read(place, struct.calcsize(form))
        if len(head) < struct.calcsize(form):
            raise MalformedInput(f"{what} is cut off")
        checksum, size, is_packed = struct.unpack(form, head)
        if zlib.crc32(head[4:]) != checksum:
            raise MalformedInput(f"{what} is damaged")
        place += len(head)
        if size > _LARGEST_BLOCK:
            raise LimitReached("decoder_memory", _LARGEST_BLOCK)
        data = self._view.read(place, size)
        if len(data) < size:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{what} is cut off")
        pieces = [data[at : at + _PIECE] for at in range(4, len(data), _PIECE + 4)]
        stated = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), _PIECE + 4)]
        if [zlib.crc32(piece) for piece in pieces] != stated[: len(pieces)]:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{what} has a wrong checksum")
        return b"".join(pieces), bool(is_packed), place + len(data)

    def _engine(self) -> Iterator[Child]:
        """Yield the program that unpacks the setup."""
        if not 0 < self._offsets.engine < self._view.size:
            return
        packed, is_packed, end = self._pieces(self._offsets.engine, "the engine")
        self._claimed.add(self._offsets.engine, end)
        if not is_packed:
            yield Child("engine", BytesView(packed))
            return
        stream = Stream(BytesView(packed), 5, _lzma1(packed[:5]), self._unpacking, label="the engine")
        yield Child("engine", without_calls(stream.chunks(), self._version, whole=True), stream.consumed)

    def _files(self, found: list[Location], known: dict[int, str]) -> Iterator[Child]:
        solid: _Solid | None = None
        seen: set[tuple[int, int, int]] = set()
        for number, file in sorted(enumerate(found), key=lambda entry: (entry[1].slices, entry[1].start, entry[1].at)):
            self._unpacking.budget.tick()
            name = known.get(number, f"file-{number + 1}")
            if not file.size or (file.start, file.at, file.size) in seen or not self._is_here(file, name):
                continue
            seen.add((file.start, file.at, file.size))
            start = self._offsets.files + file.start
            if solid is None or solid.start != start:
                solid = _Solid(self._view, start, file, self._unpacking)
                self._claimed.add(min(start, self._view.size), min(start + 4 + file.packed, self._view.size))
            chunks = solid.content(file, name[:100])
            yield Child(name, without_calls(chunks, self._version) if file.calls else chunks, solid.consumed)

    def _is_here(self, file: Location, name: str) -> bool:
        """Whether a file can be read, which is said where it cannot."""
        if file.encrypted:
            self._unpacking.problem(ProblemKind.ENCRYPTED, f"{name[:100]} is encrypted")
        elif file.slices != (0, 0) or not self._offsets.files:
            where = f"setup-{file.slices[0] + 1}.bin"
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{name[:100]} lies in another file ({where})")
        else:
            return True
        return False


class _Solid:
    """Files that are packed together, decoded once from front to end."""

    def __init__(self, view: View, start: int, first: Location, unpacking: Unpacking) -> None:
        self.start = start
        self._unpacking = unpacking
        head = view.read(start, 16)
        codec = _codec(head[4:]) if first.is_packed else _STORED
        self._stream: Stream | None = None
        if not head.startswith(_CHUNK):
            unpacking.problem(ProblemKind.MALFORMED, f"no file begins at byte {start}")
        elif codec is None:
            unpacking.problem(ProblemKind.UNSUPPORTED, f"the files at byte {start} are packed with an unknown method")
        else:
            begin = start + 4 + _PARAMETERS.get(codec.name, 0)
            end = min(start + 4 + first.packed, view.size)
            self._stream = Stream(view, begin, codec, unpacking, end=end, label=f"the files at byte {start}")
        self._data = Forward(self._stream.chunks() if self._stream is not None else iter(()))

    def consumed(self) -> int:
        """Return how many bytes were read so far."""
        return 0 if self._stream is None else self._stream.consumed()

    def content(self, file: Location, label: str) -> Iterator[bytes]:
        """Yield the content of a file; files are asked for in the order in which they lie."""
        if file.at < self._data.position:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{label} overlaps another file")
            return
        for _ in self._data.take(file.at - self._data.position):
            self._unpacking.budget.tick()
        left = file.size
        for piece in self._data.take(left):
            left -= len(piece)
            yield piece
        if left and self._stream is not None and self._stream.finished:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{label} is cut off")


class _Copy:
    """Gives content that is not packed the manners of decoders (see ``streams.Decoder``)."""

    eof = False
    needs_input = True
    unused_data = b""

    @staticmethod
    def decompress(data: bytes, _max_length: int, /) -> bytes:
        return data


_STORED = Codec("stored", lambda _memory: _Copy(), (), ends=False)
_PARAMETERS = {"LZMA": 5, "LZMA2": 1, "deflate": 2}
"""Bytes before the stream that say how it was packed."""


def _codec(head: bytes) -> Codec | None:
    """Return the codec that the first bytes of packed files speak of: the header says it at an ever changing place."""
    if head[:3] == b"BZh":
        return BZIP2
    if len(head) < 6:
        return None
    if head[0] <= _MOST_LZMA2 and (head[1] == 1 or head[1] >= _RESETS):
        return _lzma2(head[0])
    if head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0:
        return DEFLATE
    return _lzma1(head[:5]) if not head[5] else None


_MOST_LZMA2 = 40
_RESETS = 0xE0
"""The first control byte of LZMA2 that stands at a beginning, beside 1."""


def _lzma1(parameters: bytes) -> Codec:
    def open_decoder(memory: int) -> Decoder:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)
        decoder.decompress(parameters + b"\xff" * 8)
        return decoder

    return Codec("LZMA", open_decoder, (lzma.LZMAError,), ends=False)


def _lzma2(parameter: int) -> Codec:
    size = min((2 | parameter & 1) << parameter // 2 + 11, 0xFFFFFFFF)

    def open_decoder(memory: int) -> Decoder:
        if size > memory:
            raise MemoryError
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": size}]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)

    return Codec("LZMA2", open_decoder, (lzma.LZMAError,))


class _Inno:
    name = "inno"
    types = frozenset({"inno"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        if view.read(0, len(_SLICE)) == _SLICE:
            unpacking.problem(ProblemKind.TRUNCATED, "the header of this setup lies in another file (setup.exe)")
            return
        yield from _Setup(view, _Offsets(0, 0, 0, 0), Extents(), unpacking).children()


FORMAT: Format = _Inno()
