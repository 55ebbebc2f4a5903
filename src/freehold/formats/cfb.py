"""Compound files (OLE2 structured storage): which bytes of the file make up each stream.

Nothing is copied: a stream is a list of runs of the file. Chains of sectors are followed for as long as the stream's
stated size asks for, never twice through the same sector; every entry of the directory counts, whether the tree of
storages leads to it or not.

Source: [MS-CFB].
"""

import encodings.utf_16_le  # noqa: F401 - a worker cannot load codecs any more
import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from freehold.formats.extents import Extents
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PIECE = 1 << 20
_HEADER = struct.Struct("<8x16x5H6x9I")
_ENTRY = struct.Struct("<64sHBx3I16s4x16xIQ")
_ENTRY_BYTES = 128
_HEADER_FAT_SECTORS = 109
_LAST_SECTOR = 0xFFFFFFFA
_MINI = 64
_MINI_SHIFT = 6
_CUTOFF = 4096
_NONE = 0xFFFFFFFF
_STEPS, _LEAST_STEPS = 8, 1 << 16
_STORAGE, _STREAM, _ROOT = 1, 2, 5

Runs = list[tuple[int, int]]
"""Pieces of a file that follow one another in a stream: (offset, length) in bytes."""


class Stream:
    """One stream.

    Attributes:
        storage: names of the storages around it, outermost first.
        name: as the directory has it.
        runs: its pieces of the file.
        size: in bytes, as far as they were found.
    """

    __slots__ = ("_starts", "_view", "name", "runs", "size", "storage")

    def __init__(self, view: View, storage: tuple[str, ...], name: str, runs: Runs) -> None:
        self._view = view
        self.storage = storage
        self.name = name
        self.runs = runs
        *self._starts, self.size = accumulate((length for _, length in runs), initial=0)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``, fewer only at the end."""
        return b"".join(self._view.read(at, size) for at, size in self._cut(offset, length))

    def content(self, offset: int = 0, length: int | None = None) -> View | Iterator[bytes]:
        """Return a part of the stream: a slice of the file where it lies in one piece, else pieces."""
        runs = self._cut(offset, self.size if length is None else length)
        if len(runs) == 1:
            return self._view.slice(*runs[0])
        return self._pieces(runs)

    def whole(self, most: int) -> View:
        """Return the stream as a view, its first ``most`` bytes only if it does not lie in one piece."""
        if len(self.runs) == 1:
            return self._view.slice(*self.runs[0])
        return BytesView(self.read(0, most))

    def _cut(self, offset: int, length: int) -> Runs:
        return cut(self.runs, self._starts, offset, length)

    def _pieces(self, runs: Runs) -> Iterator[bytes]:
        for at, size in runs:
            for start in range(at, at + size, _PIECE):
                yield self._view.read(start, min(_PIECE, at + size - start))


def cut(runs: Runs, starts: list[int], offset: int, length: int) -> Runs:
    """Return the part [offset, offset + length) of a list of runs; ``starts`` says where in the stream each begins."""
    found: Runs = []
    if offset < 0 or length <= 0:
        return found
    for number in range(max(bisect_right(starts, offset) - 1, 0), len(runs)):
        at, size = runs[number]
        skip = max(offset - starts[number], 0)
        take = min(size - skip, length)
        if take > 0:
            found.append((at + skip, take))
            length -= take
        if not length:
            break
    return found


class _Entry(NamedTuple):
    name: str
    kind: int
    left: int
    right: int
    child: int
    class_id: bytes
    start: int
    size: int


class CompoundFile:
    """A compound file.

    Attributes:
        streams: all of them, those first that the tree of storages leads to.
        claimed: the bytes that belong to the structure or to a stream.
        class_id: of the root storage.
    """

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        """Raises ``MalformedInput`` when the header is damaged."""
        self._view = view
        self._unpacking = unpacking
        self.claimed = Extents()
        header = view.read(0, 512)
        if len(header) < 512 or not header.startswith(MAGIC):
            raise MalformedInput("the header of the compound file is damaged or cut off")
        _, version, _, shift, _, _, _, directory, _, cutoff, mini, _, more, _ = _HEADER.unpack_from(header)
        if not 7 <= shift <= 16:
            raise MalformedInput(f"the compound file has sectors of 2^{shift} bytes")
        self._shift = shift
        self._wide = version >= 4
        self._cutoff = cutoff if 0 < cutoff <= _PIECE else _CUTOFF
        self._sectors = max(0, -(-(view.size - (1 << shift)) >> shift)) if view.size > 1 << shift else 0
        self.claimed.add(0, min(1 << shift, view.size))
        self._steps = _STEPS * max(self._sectors << max(shift - _MINI_SHIFT, 0), _LEAST_STEPS)
        self._fat = self._table(self._fat_sectors(header, more))
        entries = list(self._entries(directory))
        root = next((e for e in entries[:1] if e.kind == _ROOT), None)
        self.class_id = root.class_id if root else bytes(16)
        self._mini_fat = self._table(self._numbers(self._fat, mini, self._sectors))
        self._mini_runs = self._runs(root.start, root.size, "the mini stream", claimed=False) if root else []
        self._mini_starts = list(accumulate((length for _, length in self._mini_runs), initial=0))[:-1]
        self.streams = [self._stream(*place) for place in self._places(entries)]

    def _fat_sectors(self, header: bytes, following: int) -> Iterator[int]:
        """Yield the sectors of the allocation table, as the header and the chain of its continuation list them."""
        yield from struct.unpack_from(f"<{_HEADER_FAT_SECTORS}I", header, 76)
        seen = set()
        while following < self._sectors and following not in seen:
            seen.add(following)
            *numbers, following_here = self._sector(following) or (following,)
            yield from numbers
            following = following_here
            self._unpacking.budget.tick()

    def _sector(self, number: int) -> "array[int]":
        """Return the numbers that a sector of a table holds, and claim it."""
        start, length = (number + 1) << self._shift, 1 << self._shift
        data = self._view.read(start, length)
        self.claimed.add(start, start + len(data))
        numbers = array("I")
        numbers.frombytes(data[: len(data) & ~3])
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def _table(self, sectors: Iterator[int]) -> "array[int]":
        """Return a table of next sectors; one never has more entries than the file can have (mini) sectors."""
        table = array("I")
        most = self._sectors << max(self._shift - _MINI_SHIFT, 0)
        width = 1 << (self._shift - 2)
        blank = array("I", [_NONE]) * width
        missing = False
        for number in sectors:
            if len(table) >= most:
                break
            if number < self._sectors:
                table.extend(self._sector(number))
            elif number < _LAST_SECTOR:
                missing = True
                table.extend(blank)
        if missing:
            self._cut_off("the allocation table")
        return table

    def _cut_off(self, what: str) -> None:
        self._unpacking.problem(ProblemKind.TRUNCATED, f"{what} is cut off")

    def _numbers(self, table: "array[int]", start: int, most: int) -> Iterator[int]:
        """Yield the sectors of a chain, at most ``most``, none twice."""
        for first, count in self._chain(table, start, most):
            yield from range(first, first + count)

    def _chain(self, table: "array[int]", start: int, most: int) -> Runs:
        """Return the sectors of a chain as (first, count), at most ``most``, none twice."""
        if self._steps < 0:
            return []
        runs = _follow(table, start, most)
        self._steps -= sum(count for _, count in runs)
        if self._steps < 0:
            self._unpacking.problem(ProblemKind.LIMIT, "too many streams share their sectors, so some were left out")
        ordered = sorted(runs)
        if any(a + n > b for (a, n), (b, _) in pairwise(ordered)):
            self._unpacking.problem(ProblemKind.MALFORMED, "a chain of sectors bites its own tail")
            return _without_repetition(runs)
        return runs

    def _entries(self, start: int) -> Iterator[_Entry]:
        for first, count in self._chain(self._fat, start, self._sectors):
            for number in range(first, first + count):
                at = (number + 1) << self._shift
                data = self._view.read(at, 1 << self._shift)
                self.claimed.add(at, at + len(data))
                for offset in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
                    yield self._entry(data, offset)
            self._unpacking.budget.tick()

    def _entry(self, data: bytes, offset: int) -> _Entry:
        name, length, kind, left, right, child, class_id, first, size = _ENTRY.unpack_from(data, offset)
        text = name[: max(length - 2, 0)].decode("utf-16-le", "replace").rstrip("\0")
        if not self._wide:
            size &= 0xFFFFFFFF
        return _Entry(text, kind, left, right, child, class_id, first, size)

    def _places(self, entries: list[_Entry]) -> Iterator[tuple[tuple[str, ...], _Entry]]:
        """Yield the streams with their storages: the tree in order, then what it does not lead to."""
        seen = bytearray(len(entries))
        pending: list[tuple[int, tuple[str, ...]]] = [(entries[0].child, ())] if entries else []
        while pending:
            number, storage = pending.pop()
            if number >= len(entries) or seen[number]:
                continue
            seen[number] = 1
            entry = entries[number]
            pending += [(entry.right, storage), (entry.left, storage)]
            if entry.kind == _STREAM:
                yield storage, entry
            elif entry.kind == _STORAGE and len(storage) < 64:
                pending.append((entry.child, (*storage, entry.name)))
        for number, entry in enumerate(entries):
            if entry.kind == _STREAM and not seen[number]:
                yield ("lost",), entry

    def _stream(self, storage: tuple[str, ...], entry: _Entry) -> Stream:
        self._unpacking.budget.tick()
        label = f"the stream {entry.name!r}"
        if entry.size >= self._cutoff:
            runs = self._runs(entry.start, entry.size, label)
        else:
            runs = self._small_runs(entry.start, entry.size, label)
        return Stream(self._view, storage, entry.name, runs)

    def _runs(self, start: int, size: int, label: str, *, claimed: bool = True) -> Runs:
        """Return a stream of whole sectors; records a problem when it is shorter than stated."""
        shift = self._shift
        runs: Runs = []
        for first, count in self._chain(self._fat, start, min(-(-size >> shift), self._sectors)):
            at, end = (first + 1) << shift, min((first + count + 1) << shift, self._view.size)
            if at >= end:
                break
            if claimed:
                self.claimed.add(at, end)
            runs.append((at, min(end - at, size)))
            size -= runs[-1][1]
        if size > 0:
            self._cut_off(label)
        return runs

    def _small_runs(self, start: int, size: int, label: str) -> Runs:
        """Return a stream that lies in the mini stream, in sectors of 64 bytes."""
        runs: Runs = []
        for first, count in self._chain(self._mini_fat, start, -(-size // _MINI)):
            wanted = min(count * _MINI, size)
            for piece in cut(self._mini_runs, self._mini_starts, first * _MINI, wanted):
                self.claimed.add(piece[0], piece[0] + -(-piece[1] // _MINI) * _MINI)
                if runs and sum(runs[-1]) == piece[0]:
                    runs[-1] = (runs[-1][0], runs[-1][1] + piece[1])
                else:
                    runs.append(piece)
                size -= piece[1]
        if size > 0:
            self._cut_off(label)
        return runs


def _follow(table: "array[int]", start: int, most: int) -> Runs:
    """Return the sectors of a chain as (first, count), at most ``most``, perhaps some of them more than once."""
    runs: Runs = []
    length = len(table)
    number = start
    while most > 0 and number < length:
        first = number
        end = first + most
        following = table[number]
        while following == number + 1 and following < length and following < end:
            number = following
            following = table[number]
        runs.append((first, number - first + 1))
        most -= number - first + 1
        number = following
    return runs


def _without_repetition(runs: Runs) -> Runs:
    """Return runs up to the first sector that was there before."""
    seen: set[int] = set()
    kept: Runs = []
    for first, count in runs:
        fresh = next((n for n in range(count) if first + n in seen), count)
        if fresh:
            kept.append((first, fresh))
            seen.update(range(first, first + fresh))
        if fresh < count:
            break
    return kept
