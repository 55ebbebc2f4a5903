"""Partitioned disks: MBR with extended partitions, GPT (both copies of its table), Apple's partition map.

Each table is a reading of its own; a partition that several list is yielded once. Partitions that overlap are reported.
What no partition claims (boot code, gaps in which boot kits live) is yielded as ``rest``.

Source: UEFI Specification 2.10, chapter 5; Apple, "Inside Macintosh: Devices", chapter 3.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.extents import Extents, rest
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_SECTOR = 512
_BOOT_MARK = b"\x55\xaa"
_GPT = b"EFI PART"
_PROTECTIVE = 0xEE
_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_MOST_LOGICAL = 256
_MOST_ENTRIES = 1024
_BOOT_CODE = 440
_SMALLEST_DISK = 1 << 16
"""Images up to this many bytes are copies of a boot sector: that the partitions are missing is no surprise."""
_GPT_HEADER = struct.Struct("<72xQII")
_GPT_ENTRY = struct.Struct("<16s16xQQ8x72s")
_APM_ENTRY = struct.Struct(">2s2xIII32s32s")


class _Partition(NamedTuple):
    name: str
    start: int
    size: int


def _mbr_rows(sector: bytes) -> list[tuple[int, int, int]]:
    """Return type, first sector and number of sectors of each entry in use; none when this is no partition table."""
    if sector[510:512] != _BOOT_MARK:
        return []
    rows = []
    for at in range(446, 510, 16):
        status, kind, first, count = struct.unpack_from("<B3xB3xII", sector, at)
        if status not in (0x00, 0x80):
            return []
        if kind and count:
            rows.append((kind, first, count))
    return rows


def _mbr(view: View, claimed: Extents, unpacking: Unpacking) -> Iterator[_Partition]:
    for number, (kind, first, count) in enumerate(_mbr_rows(view.read(0, _SECTOR)), 1):
        if kind in _EXTENDED:
            yield from _logical(view, first, claimed, unpacking)
        elif kind != _PROTECTIVE and first:
            yield _Partition(f"partition-{number}", first * _SECTOR, count * _SECTOR)


def _logical(view: View, base: int, claimed: Extents, unpacking: Unpacking) -> Iterator[_Partition]:
    """Yield the partitions of the chain of tables that begins in sector ``base``."""
    seen: set[int] = set()
    position: int | None = base
    while position is not None:
        if position in seen or len(seen) >= _MOST_LOGICAL:
            unpacking.problem(ProblemKind.MALFORMED, "the chain of logical partitions is a loop, or too long")
            return
        seen.add(position)
        rows = _mbr_rows(view.read(position * _SECTOR, _SECTOR))
        following = None
        if rows:
            claimed.add(position * _SECTOR, (position + 1) * _SECTOR)
        for kind, first, count in rows:
            if kind in _EXTENDED:
                following = base + first
            else:
                yield _Partition(f"partition-{len(seen) + 4}", (position + first) * _SECTOR, count * _SECTOR)
        position = following


def _gpt(view: View, claimed: Extents, unpacking: Unpacking) -> Iterator[_Partition]:
    """Yield the partitions of the first table, then those of its copy at the end of the disk."""
    for sector in (512, 4096):
        for header in (sector, view.size - sector):
            head = view.read(header, _GPT_HEADER.size) if header > 0 else b""
            if len(head) == _GPT_HEADER.size and head.startswith(_GPT):
                claimed.add(header, header + sector)
                yield from _gpt_table(view, head, sector, claimed, unpacking)


def _gpt_table(view: View, head: bytes, sector: int, claimed: Extents, unpacking: Unpacking) -> Iterator[_Partition]:
    first, count, width = _GPT_HEADER.unpack(head)
    if width < _GPT_ENTRY.size or width > 4096:
        unpacking.problem(ProblemKind.MALFORMED, "a GPT has entries of an impossible size")
        return
    if count > _MOST_ENTRIES:
        unpacking.problem(ProblemKind.LIMIT, f"a GPT has more than {_MOST_ENTRIES} entries")
    table = view.read(first * sector, min(count, _MOST_ENTRIES) * width)
    claimed.add(first * sector, first * sector + len(table))
    for number, at in enumerate(range(0, len(table) - _GPT_ENTRY.size + 1, width), 1):
        kind, begin, end, raw = _GPT_ENTRY.unpack_from(table, at)
        if any(kind) and begin <= end:
            name = raw.decode("utf-16-le", "replace").split("\0")[0]
            yield _Partition(name or f"partition-{number}", begin * sector, (end - begin + 1) * sector)


def _apm(view: View, claimed: Extents) -> Iterator[_Partition]:
    head = view.read(0, 4)
    stated = int.from_bytes(head[2:4], "big") if head[:2] == b"ER" else _SECTOR
    for block in sorted({_SECTOR, stated if stated in (512, 1024, 2048, 4096) else _SECTOR}):
        count = 1
        number = 0
        while number < min(count, _MOST_ENTRIES):
            number += 1
            entry = view.read(number * block, _APM_ENTRY.size)
            if len(entry) < _APM_ENTRY.size or entry[:2] != b"PM":
                break
            claimed.add(number * block, (number + 1) * block)
            _, count, first, length, name, kind = _APM_ENTRY.unpack(entry)
            if not kind.startswith((b"Apple_partition_map", b"Apple_Free")) and length:
                label = name.split(b"\0")[0].decode("utf-8", "surrogateescape")
                yield _Partition(label or f"partition-{number}", first * block, length * block)


class _Partitions:
    name = "partitions"
    types = frozenset({"mbr", "gpt", "apm"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        found: dict[tuple[int, int], str] = {}
        claimed = Extents()
        if not view.read(0, _BOOT_CODE).strip(b"\0") or view.read(0, 2) == b"ER":
            claimed.add(0, _SECTOR)
        for partition in (*_gpt(view, claimed, unpacking), *_mbr(view, claimed, unpacking), *_apm(view, claimed)):
            if 0 < partition.start < view.size:
                found.setdefault((partition.start, partition.size), partition.name)
            elif view.size > _SMALLEST_DISK:
                unpacking.problem(ProblemKind.TRUNCATED, f"{partition.name} lies beyond the end")
        reached = 0
        for (start, size), name in sorted(found.items()):
            if start < reached:
                unpacking.problem(ProblemKind.MALFORMED, f"{name} overlaps the partition before it")
            if start + size > view.size and view.size > _SMALLEST_DISK:
                unpacking.problem(ProblemKind.TRUNCATED, f"{name} is cut off")
            reached = max(reached, start + size)
            claimed.add(start, min(start + size, view.size))
            yield Child(name, view.slice(start, size))
        if found:
            unpacking.fact("partitions", len(found))
            for start, end in claimed.gaps(view.size):
                yield from rest(view, start, end)


FORMAT: Format = _Partitions()
