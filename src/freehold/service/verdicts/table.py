"""The file in which remembered verdicts lie: a hash table that is mapped, verified block by block, and never changed.

A new table is written beside the old one, made durable and put in its place, so a reader has one or the other whatever
happens. All numbers are little-endian:

====================  ================================================================================================
head                  ``MAGIC``, length of the text (u32), its digest; then the text (JSON): slots, records, the digest
                      of the sums, file types and generations
sums                  a digest of each block of ``BLOCK_SLOTS`` slots; zeros for one that is empty
slots                 records; the place of a record follows from its file system and inode, the next free slot is used
====================  ================================================================================================

A record: file system (8 bytes), inode, size, time of modification, time of change in nanoseconds (u64 each),
generation (8 bytes), file type (u16), day of recording (u16), 4 bytes of zeros, SHA-256 of the content or zeros.
"""

import contextlib
import hashlib
import json
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from freehold.model.errors import TrustError

MAGIC = b"FHVERD1\n"
RECORD = 88
PLACE = 16
"""The bytes of a record that say which file it is about."""
KEY = 40
"""The bytes of a record that say which file, and in which state."""
BLOCK_SLOTS = 1024
BLOCK = RECORD * BLOCK_SLOTS
MOST_SLOTS = 1 << 22
"""Slots at most, which bounds the table to 352 MiB and some three million files."""

TYPE_AT = KEY + 8
PACK_KEY = struct.Struct("<8sQQQQ").pack
PACK_REST = struct.Struct("<8sHHI32s").pack
HEAD = struct.Struct("<8sI16s")
SUM = 16
_PAGE = 4096
FEWEST_SLOTS = 4 * BLOCK_SLOTS
LONGEST_PROBE = 128
_MOST_HEAD = 1 << 20
FREE = bytes(8)
NAME = "verdicts"


class Table:
    """A table, mapped.

    Args:
        fd: open for reading; it is not kept.

    Attributes:
        types: names of file types, by number.
        generations: the generations that records may name, by identity, as JSON values.
        records: how many there are.
        slots: how many there may be.
        data: the whole file, mapped.

    Raises:
        TrustError: it is damaged, or not a table of this version.
    """

    def __init__(self, fd: int) -> None:
        size = os.fstat(fd).st_size
        try:
            text = _head_text(fd)
            meta = json.loads(text)
            self.slots = _slots(meta["slots"])
            self.records = int(meta["records"])
            self.types = [str(name) for name in meta["types"]]
            self.generations: dict[bytes, Any] = {bytes.fromhex(key): value for key, value in meta["generations"]}
            blocks = self.slots // BLOCK_SLOTS
            self._sums = _verified(os.pread(fd, blocks * SUM, HEAD.size + len(text)), bytes.fromhex(meta["sums"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise TrustError(f"it is damaged ({error})") from error
        self._start = slots_start(len(text), blocks)
        if size != self._start + self.slots * RECORD:
            raise TrustError("it is truncated")
        self._mask = self.slots - 1
        self.data = mmap.mmap(fd, size, access=mmap.ACCESS_READ)
        self._unseen = bytearray(b"\1") * blocks

    def find(self, key: bytes) -> int:
        """Return where the record of a file in exactly this state lies, 0 when there is none; raises ``TrustError``."""
        slot = crc32(key[:PLACE]) & self._mask
        for _ in range(LONGEST_PROBE):
            if self._unseen[slot // BLOCK_SLOTS]:
                self._verify(slot // BLOCK_SLOTS)
            at = self._start + slot * RECORD
            found = self.data[at : at + KEY]
            if found == key:
                return at
            if found[:PLACE] == key[:PLACE] or found[:8] == FREE:
                return 0
            slot = (slot + 1) & self._mask
        return 0

    def generation(self, at: int) -> bytes:
        """Return under which generation the file was found clean."""
        return self.data[at + KEY : at + KEY + 8]

    def file_type(self, at: int) -> int:
        """Return the number of the file's type."""
        return int.from_bytes(self.data[at + TYPE_AT : at + TYPE_AT + 2], "little")

    def sha256(self, at: int) -> str:
        """Return the digest of the content, "" where no signature had asked for it."""
        found = self.data[at + RECORD - 32 : at + RECORD]
        return found.hex() if any(found) else ""

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the slots, a block at a time, with its number; one that is damaged is left out."""
        for block in range(self.slots // BLOCK_SLOTS):
            with contextlib.suppress(TrustError):
                self._verify(block)
                yield block, self.data[self._start + block * BLOCK : self._start + (block + 1) * BLOCK]

    def close(self) -> None:
        """Unmap it."""
        self.data.close()

    def _verify(self, block: int) -> None:
        data = self.data[self._start + block * BLOCK : self._start + (block + 1) * BLOCK]
        if block_sum(data) != self._sums[block * SUM : (block + 1) * SUM]:
            raise TrustError(f"block {block} is damaged")
        self._unseen[block] = 0


def open_table(folder: Path) -> Table | None:
    """Open the table in a folder, None when there is none yet.

    Raises:
        TrustError: it is damaged, or not only this user can write it.
    """
    try:
        fd = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrustError(f"it cannot be opened ({error.strerror})") from error
    try:
        status = os.fstat(fd)
        if status.st_mode & 0o170000 != 0o100000 or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise TrustError("somebody else owns it or may use it")
        return Table(fd)
    finally:
        os.close(fd)


def slots_start(text: int, blocks: int) -> int:
    """Return where the slots begin behind a text of so many bytes and so many sums."""
    return -(-(HEAD.size + text + blocks * SUM) // _PAGE) * _PAGE


def digest(data: bytes) -> bytes:
    """Return the checksum of anything."""
    return hashlib.blake2b(data, digest_size=SUM).digest()


def block_sum(block: bytes) -> bytes:
    """Return the checksum of a block of slots; that of an empty one costs nothing and is zeros."""
    return bytes(SUM) if not block.strip(b"\0") else digest(block)


def _head_text(fd: int) -> bytes:
    """Return the text of the head, verified."""
    head = os.pread(fd, HEAD.size, 0)
    if len(head) < HEAD.size or head[:8] != MAGIC:
        raise ValueError("it does not begin as it must")
    _, length, expected = HEAD.unpack(head)
    return _verified(os.pread(fd, min(length, _MOST_HEAD), HEAD.size), expected)


def _verified(data: bytes, expected: bytes) -> bytes:
    if digest(data) != expected:
        raise ValueError("its head does not have the digest that it names")
    return data


def _slots(value: object) -> int:
    if not isinstance(value, int) or value & (value - 1) or not FEWEST_SLOTS <= value <= MOST_SLOTS:
        raise ValueError(f"{value} is no possible number of slots")
    return value
