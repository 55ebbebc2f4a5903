"""Adding to the table of remembered verdicts: a new one is written, made durable, and put in the place of the old."""

import contextlib
import fcntl
import mmap
import os
import struct
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from freehold.bundle.layout import canonical
from freehold.model.errors import TrustError
from freehold.service.verdicts import table
from freehold.service.verdicts.table import BLOCK, BLOCK_SLOTS, PLACE, RECORD, TYPE_AT, Table

_KEPT_GENERATIONS = 16
_MOST_TYPES = 1000
_UNTYPED = 0
_DAY_AT = TYPE_AT + 2
_U16 = struct.Struct("<H")


class Addition(NamedTuple):
    """New records.

    Attributes:
        records: one after the other.
        types: names of file types, by the numbers that the records use.
        generations: as ``Table.generations``, for those that the records name.
    """

    records: bytes
    types: list[str]
    generations: dict[bytes, Any]


def add(folder: Path, addition: Addition) -> None:
    """Put records into the table of a folder; one about the same file is replaced.

    Several processes may do so at once: each adds to what the others have left. A damaged table is begun anew.

    Raises:
        OSError: there is no room, or the folder cannot be written to.
    """
    lock = os.open(folder / f"{table.NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(f"{table.NAME}.new-*"):  # of a process that was killed: the lock is ours
            leftover.unlink()
        try:
            old = table.open_table(folder)
        except TrustError:
            old = None
        _replace(folder, old, addition)
    finally:
        os.close(lock)


def _replace(folder: Path, old: Table | None, addition: Addition) -> None:
    fd, name = tempfile.mkstemp(prefix=f"{table.NAME}.new-", dir=folder)
    try:
        _write(fd, old, addition)
        os.fsync(fd)
        os.rename(name, folder / table.NAME)  # noqa: PTH104 - a plain name
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - see above
        raise
    finally:
        os.close(fd)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write(fd: int, old: Table | None, addition: Addition) -> None:
    known = list(old.types) if old else [""]
    types = known + [name for name in addition.types if name not in known][: _MOST_TYPES - len(known)]
    generations = {
        key: value for key, value in (old.generations if old else {}).items() if key not in addition.generations
    }
    generations |= addition.generations  # the youngest stand last
    count = _slots(old, addition)
    meta = {
        "slots": count,
        "records": 0,
        "types": types,
        "generations": [(key.hex(), value) for key, value in generations.items()][-_KEPT_GENERATIONS:],
        "sums": "",
    }
    room = len(canonical(meta)) + 100  # the number of records and the digest are not known yet
    blocks = count // BLOCK_SLOTS
    start = table.slots_start(room, blocks)
    size = start + count * RECORD
    os.posix_fallocate(fd, 0, size)  # a full disk shows here, not as a signal while it is mapped
    with mmap.mmap(fd, size) as data, memoryview(data) as view, view[start:] as slots:
        meta["records"] = _fill(slots, old, _translated(addition, types))
        sums = b"".join(table.block_sum(bytes(slots[at : at + BLOCK])) for at in range(0, len(slots), BLOCK))
        meta["sums"] = table.digest(sums).hex()
        text = canonical(meta).ljust(room)
        head = table.HEAD.pack(table.MAGIC, room, table.digest(text)) + text + sums
        view[: len(head)] = head


def _slots(old: Table | None, addition: Addition) -> int:
    """Return how many slots there must be so that at most two thirds are in use, within bounds."""
    wanted = (old.records if old else 0) + len(addition.records) // RECORD
    power = 1 << (wanted * 3 // 2).bit_length()
    return min(max(power, table.FEWEST_SLOTS, old.slots if old else 0), table.MOST_SLOTS)


def _fill(slots: memoryview, old: Table | None, added: Iterator[bytes]) -> int:
    """Write all records; returns how many there are."""
    records = 0
    full = len(slots) // RECORD * 3 // 4
    if old is not None and old.slots * RECORD == len(slots) and old.records < full:
        for number, block in old.blocks():
            slots[number * BLOCK : (number + 1) * BLOCK] = block
        records = old.records
    elif old is not None:
        since = _middle_day(old) if old.records >= full else 0
        for record in _used(old):
            if _day(record) >= since:
                records += _insert(slots, record)
    for record in added:
        records += _insert(slots, record)
    return records


def _insert(slots: memoryview, record: bytes) -> int:
    """Put a record where it belongs; returns whether there is one more than before."""
    mask = len(slots) // RECORD - 1
    place = record[:PLACE]
    slot = crc32(place) & mask
    for _ in range(table.LONGEST_PROBE):
        at = slot * RECORD
        there = slots[at : at + PLACE]
        if there == place or there[:8] == table.FREE:
            is_new = there[:8] == table.FREE
            slots[at : at + RECORD] = record
            return int(is_new)
        slot = (slot + 1) & mask
    return 0


def _translated(addition: Addition, types: list[str]) -> Iterator[bytes]:
    """Yield the new records with the table's numbers of file types."""
    numbers = [types.index(name) if name in types else _UNTYPED for name in addition.types]
    for at in range(0, len(addition.records), RECORD):
        record = addition.records[at : at + RECORD]
        (number,) = _U16.unpack_from(record, TYPE_AT)
        yield record[:TYPE_AT] + _U16.pack(numbers[number]) + record[_DAY_AT:]


def _used(old: Table) -> Iterator[bytes]:
    for _, block in old.blocks():
        for at in range(0, BLOCK, RECORD):
            if block[at : at + 8] != table.FREE:
                yield block[at : at + RECORD]


def _middle_day(old: Table) -> int:
    """Return the day since which about half of the records were made, at most: older ones must go."""
    days = Counter(map(_day, _used(old)))
    left = old.records // 2
    for day in sorted(days, reverse=True):
        left -= days[day]
        if left < 0:
            return day + (days[day] < old.records)
    return 0


def _day(record: bytes) -> int:
    day: int = _U16.unpack_from(record, _DAY_AT)[0]
    return day
