"""ISO 9660 images of discs: every tree of every volume descriptor, boot images, and what nobody claims.

One disc may show each system another content: the primary tree, Joliet's, Rock Ridge's names, directories that only a
path table knows, and the boot images of El Torito. All are followed, and a range of bytes is yielded once, however many
names lead to it. Numbers that differ between their two byte orders are believed both.

Source: ECMA-119; "El Torito" Bootable CD-ROM Format Specification 1.0.
"""

import re
from collections.abc import Iterator

from freehold.formats import isorecords
from freehold.formats.extents import Extents, rest
from freehold.formats.isorecords import SECTOR, Record, Volume
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Format, Member, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_FIRST = 16 * SECTOR
_MOST_DESCRIPTORS = 64
_EL_TORITO = b"EL TORITO SPECIFICATION"
_FLOPPIES = {1: 1200 << 10, 2: 1440 << 10, 3: 2880 << 10}
_VIRTUAL = 512
_LARGEST_DIRECTORY = 64 << 20
_PIECE = 1 << 18
_DESCRIPTOR = re.compile(rb"[\x01\x02]CD001\x01")


class _Disc:
    """One walk through one image."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._claimed = Extents()
        self._capacity = unpacking.budget.limits.artifacts
        self._directories: set[int] = set()
        self._files: set[tuple[int, int]] = set()
        self._told: set[str] = set()

    def children(self) -> Iterator[Child]:
        volumes, catalogues = self._descriptors(_FIRST)
        if not volumes:
            raise MalformedInput("there is no volume descriptor")
        yield from self._trees(volumes)
        for catalogue in catalogues:
            yield from self._boot_images(catalogue)
        for start, end in self._claimed.gaps(self._view.size):
            for found in self._stray_descriptors(start, end):
                volumes, catalogues = self._descriptors(found)
                yield from self._trees(volumes)
        for start, end in self._claimed.gaps(self._view.size):
            yield from rest(self._view, start, end)

    def _descriptors(self, position: int) -> tuple[list[Volume], list[int]]:
        """Return the volumes and the boot catalogues that descriptors from ``position`` on lead to.

        Those behind the terminator count: some reader may look at them.
        """
        volumes: list[Volume] = []
        catalogues: list[int] = []
        for start in range(position, position + _MOST_DESCRIPTORS * SECTOR, SECTOR):
            data = self._view.read(start, SECTOR)
            if data[1:6] != isorecords.MAGIC:
                break
            if len(data) < SECTOR:
                self._tell(ProblemKind.TRUNCATED, "a volume descriptor is cut off")
                break
            self._claim(start, SECTOR)
            if data[0] in (isorecords.PRIMARY, isorecords.SUPPLEMENTARY):
                volumes.append(isorecords.volume(data))
            elif data[0] == isorecords.BOOT and data[7:30] == _EL_TORITO:
                catalogues.append(int.from_bytes(data[71:75], "little") * SECTOR)
        return sorted(volumes, key=lambda volume: not volume.joliet), catalogues

    def _trees(self, volumes: list[Volume]) -> Iterator[Child]:
        for volume in volumes:
            root = isorecords.record(self._view, volume.root, 0, volume)
            if root is None:
                self._tell(ProblemKind.MALFORMED, "a volume has no root directory")
                continue
            yield from self._tree(volume, [(start, size, "") for start, size in root.places])
        for volume in volumes:
            for table in volume.tables:
                yield from self._tree(volume, self._listed(table, volume.block))

    def _listed(self, table: tuple[int, int, str], block: int) -> list[tuple[int, int, str]]:
        """Return the directories of a path table that look like some, and whose records nothing else has led to."""
        if 0 < table[0] < self._view.size:
            self._claim(table[0], table[1])
        places = isorecords.table_places(self._view, table, block, self._capacity)
        return [(start, 0, "") for start in places if start not in self._directories]

    def _tree(self, volume: Volume, directories: list[tuple[int, int, str]]) -> Iterator[Child]:
        """Yield the files below some directories: start, size (0 when only its own first record says it), path."""
        while directories:
            start, size, path = directories.pop()
            if start in self._directories:
                continue
            own = isorecords.record(self._view, self._view.read(start, 256), 0, volume)
            if own is not None and own.name == "\0" and own.directory:
                size = max(size, own.places[-1][1])
            elif not size:
                continue
            self._directories.add(start)
            if start + size > self._view.size:
                self._tell(ProblemKind.TRUNCATED, "a directory lies beyond the end")
            if size > _LARGEST_DIRECTORY:
                self._tell(ProblemKind.LIMIT, f"a directory is larger than {_LARGEST_DIRECTORY} bytes")
            yield from self._directory(volume, start, min(size, _LARGEST_DIRECTORY), path, directories)

    def _directory(
        self, volume: Volume, start: int, size: int, path: str, directories: list[tuple[int, int, str]]
    ) -> Iterator[Child]:
        pieces: list[tuple[int, int]] = []
        for entry in self._records(volume, start, size):
            name = path + entry.name
            if entry.relocated is not None:
                self._push(directories, (entry.relocated, 0, f"{name}/"))
            elif entry.directory:
                for first, length in entry.places:
                    self._push(directories, (first, length, f"{name}/"))
            elif entry.continued or pieces:
                pieces.append(entry.places[0])
                if not entry.continued:
                    yield from self._joined(name, pieces)
                    pieces = []
            else:
                yield from self._file(name, entry)

    def _records(self, volume: Volume, start: int, size: int) -> Iterator[Record]:
        """Yield the records of a directory without those of itself and its parent; none crosses a sector."""
        data = self._view.read(start, size)
        self._claim(start, len(data))
        at = 0
        while at < len(data):
            if not data[at]:
                at += SECTOR - at % SECTOR
                self._unpacking.budget.tick()
                continue
            entry = isorecords.record(self._view, data, at, volume)
            if entry is None:
                self._tell(ProblemKind.MALFORMED, "a directory has a damaged record")
                return
            at += data[at]
            for place in entry.elsewhere:
                self._claim(*place)
            if self._unpacking.wants_members:
                size = entry.places[0][1] if entry.places else 0
                for name in {entry.plain, entry.name}:
                    self._unpacking.member(Member(name.partition(";")[0], size, size))
            if entry.name not in ("\0", "\1"):
                yield entry

    def _push(self, directories: list[tuple[int, int, str]], directory: tuple[int, int, str]) -> None:
        if len(self._directories) + len(directories) > 2 * self._capacity:
            raise LimitReached("artifacts", self._capacity)
        directories.append(directory)

    def _file(self, name: str, entry: Record) -> Iterator[Child]:
        if entry.interleaved:
            self._tell(ProblemKind.UNSUPPORTED, "a file is interleaved")
        for start, size in entry.places:
            if not size or (start, size) in self._files:
                continue
            self._files.add((start, size))
            available = max(self._view.size - start, 0)
            if size > available and (len(entry.places) == 1 or (start, size) == entry.places[-1]):
                self._tell(ProblemKind.TRUNCATED, "a file lies beyond the end")
            if available:
                self._claim(start, size)
                yield Child(name, self._view.slice(start, size))

    def _joined(self, name: str, pieces: list[tuple[int, int]]) -> Iterator[Child]:
        """Yield a file of several extents: a slice when they follow one another, as they do."""
        start, size = pieces[0]
        if (start, sum(length for _, length in pieces)) in self._files:
            return
        for first, length in pieces:
            self._claim(first, length)
            if first + length > self._view.size:
                self._tell(ProblemKind.TRUNCATED, "a file lies beyond the end")
        for first, length in pieces[1:]:
            if first != start + size:
                yield Child(name, self._chunks(pieces))
                return
            size += length
        self._files.add((start, size))
        yield Child(name, self._view.slice(start, size))

    def _chunks(self, pieces: list[tuple[int, int]]) -> Iterator[bytes]:
        for start, size in pieces:
            end = min(start + size, self._view.size)
            for position in range(start, end, _PIECE):
                yield self._view.read(position, min(_PIECE, end - position))

    def _boot_images(self, catalogue: int) -> Iterator[Child]:
        """Yield the images that a boot catalogue lists; one without emulation lasts until the next thing begins."""
        data = self._view.read(catalogue, SECTOR)
        if data[:1] != b"\x01" or data[30:32] != b"\x55\xaa":
            self._tell(ProblemKind.MALFORMED, "the boot catalogue is damaged")
            return
        self._claim(catalogue, SECTOR)
        for number, at in enumerate(range(32, len(data) - 31, 32)):
            entry = data[at : at + 32]
            start = int.from_bytes(entry[8:12], "little") * SECTOR
            if entry[0] not in (0x00, 0x88) or not _FIRST < start < self._view.size:
                continue
            stated = int.from_bytes(entry[6:8], "little") * _VIRTUAL
            size = _FLOPPIES.get(entry[1] & 15, 0)
            if not size:
                size = max(stated, self._free(start))
            if size and not any(first == start and length >= stated for first, length in self._files):
                self._files.add((start, size))
                self._claim(start, size)
                yield Child(f"boot-{number + 1}", self._view.slice(start, size))

    def _free(self, start: int) -> int:
        """Return how many bytes from ``start`` on nobody has claimed."""
        for first, end in self._claimed.gaps(self._view.size):
            if first <= start < end:
                return end - start
        return 0

    def _stray_descriptors(self, start: int, end: int) -> Iterator[int]:
        """Yield where descriptors stand that no other has led to: those of an earlier session."""
        position = start
        while position < end:
            piece = self._view.read(position, min(_PIECE + 6, end - position))
            for found in _DESCRIPTOR.finditer(piece):
                if (position + found.start()) % SECTOR == 0:
                    yield position + found.start()
            position += _PIECE
            self._unpacking.budget.tick()

    def _claim(self, start: int, size: int) -> None:
        """Claim a range with the zeros that fill its last sector."""
        end = min(start + size, self._view.size)
        padding = -end % SECTOR
        if padding and not self._view.read(end, padding).strip(b"\0"):
            end = min(end + padding, self._view.size)
        if end > start:
            self._claimed.add(start, end)
        if len(self._claimed) > 4 * self._capacity:
            raise LimitReached("artifacts", self._capacity)

    def _tell(self, kind: ProblemKind, detail: str) -> None:
        """Record a problem once, however often it occurs."""
        if detail not in self._told:
            self._told.add(detail)
            self._unpacking.problem(kind, detail)


class _Iso:
    name = "iso"
    types = frozenset({"iso"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when there is no volume."""
        yield from _Disc(view, unpacking).children()


FORMAT: Format = _Iso()
