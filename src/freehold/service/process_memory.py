"""The memory of processes: what no file holds, copied piece by piece for a worker to examine.

Only pages that exist are read: reading a page of shared memory that nobody has touched would create it in the process.
The kernel is asked which pages those are (``PAGEMAP_SCAN``, Linux 6.7; before, one word for each page). Pages as their
file holds them are left out, as scanning files covers them. Sources: proc_pid_maps(5), proc_pid_pagemap(5),
Documentation/admin-guide/mm/pagemap.rst.

This side reads bytes and takes nothing apart. The copy, in a file without a name, is what the worker gets: it needs no
right over the process, and the content does not change while it is examined.
"""

import fcntl
import os
import struct
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from freehold.model.report import Problem, ProblemKind
from freehold.service.entry import Entry

PIECE = 16 << 20
"""Bytes of memory that are copied and examined at a time."""

OVERLAP = 64 << 10
"""Bytes by which pieces overlap, so that nothing is missed between two."""

GAP = 64 << 10
"""A gap of missing pages up to this size is kept, as the zeros that the process would see."""

_READ = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SCAN = 0xC0606610
"""``PAGEMAP_SCAN`` of linux/fs.h, with ``struct pm_scan_arg`` of twelve u64."""
_SCAN_ARGUMENT = struct.Struct("=12Q")
_RANGES = 1024
_IS_FILE, _IS_PRESENT, _IS_SWAPPED, _IS_ZERO = 1 << 2, 1 << 3, 1 << 4, 1 << 5
_WORD_PRESENT_OR_SWAPPED, _WORD_FILE = 3 << 62, 1 << 61
_WORDS = 1 << 16
_KERNELS = (b"[vvar]", b"[vvar_vclock]", b"[vsyscall]", b"[vdso]")


class Region(NamedTuple):
    """One mapping of a process.

    Attributes:
        start: address of the first byte.
        end: address behind the last byte.
        rights: as in /proc: ``rw-p``.
        name: the file or the purpose; b"" for anonymous memory.
    """

    start: int
    end: int
    rights: bytes
    name: bytes

    @property
    def has_file(self) -> bool:
        """Whether a file that can still be scanned lies behind it."""
        return self.name.startswith(b"/") and not (
            self.name.endswith(b" (deleted)") or self.name.startswith((b"/memfd:", b"/dev/zero", b"/SYSV"))
        )

    @property
    def is_code(self) -> bool:
        """Whether it can be executed and no file says what it is: the first place to look."""
        return b"x" in self.rights and not self.has_file


def processes() -> list[int]:
    """Return the processes of this machine, but for this one and those that it started."""
    found = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are wanted
    parents = {pid: _parent(pid) for pid in found}
    own = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    return sorted(pid for pid in found if pid not in own and _command(pid))


def entries(pids: Iterable[int], *, named: bool) -> Iterator[Entry]:
    """Yield the memory of processes in pieces.

    Args:
        pids: the processes.
        named: whether the user named them: then what cannot be read is a problem, else it is left out.
    """
    for pid in pids:
        try:
            yield from _entries(pid)
        except FileNotFoundError:
            if named:
                yield _problem(pid, "there is no such process")
        except ProcessLookupError:
            continue  # it ended while it was read
        except PermissionError:
            if named:
                yield _problem(pid, "its memory may not be read; try as root")


def _entries(pid: int) -> Iterator[Entry]:
    regions = _regions(pid)
    command = _command(pid)
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        pages = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            for region in sorted(regions, key=lambda region: not region.is_code):
                for start, end in _pieces(_existing(pages, region)):
                    yield _copied(memory, start, end, _label(pid, command, region, start, end))
        finally:
            os.close(pages)
    finally:
        os.close(memory)


def _regions(pid: int) -> list[Region]:
    """Return the readable mappings of a process; raises ``OSError``."""
    fd = os.open(f"/proc/{pid}/maps", os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        lines = file.read().splitlines()
    found = []
    for line in lines:
        fields = line.split(None, 5)
        start, _, end = fields[0].partition(b"-")
        region = Region(int(start, 16), int(end, 16), fields[1], fields[5] if len(fields) > 5 else b"")
        if region.rights.startswith(b"r") and region.name not in _KERNELS:
            found.append(region)
    return found


def _existing(pages: int, region: Region) -> Iterator[tuple[int, int]]:
    """Yield the address ranges of a region whose pages exist and are not a file's."""
    unwanted = _IS_ZERO | (_IS_FILE if region.has_file else 0)
    vector = array("Q", bytes(24 * _RANGES))
    start = region.start
    while start < region.end:
        argument = bytearray(
            _SCAN_ARGUMENT.pack(
                *(_SCAN_ARGUMENT.size, 0, start, region.end, 0, vector.buffer_info()[0], _RANGES, 0),
                *(unwanted, unwanted, _IS_PRESENT | _IS_SWAPPED, _IS_PRESENT),
            )
        )
        try:
            count = fcntl.ioctl(pages, _SCAN, argument)
        except OSError:
            yield from _existing_by_words(pages, start, region)
            return
        for number in range(count):
            yield vector[3 * number], vector[3 * number + 1]
        walked = _SCAN_ARGUMENT.unpack(argument)[4]
        start = walked if walked > start else region.end


def _existing_by_words(pages: int, start: int, region: Region) -> Iterator[tuple[int, int]]:
    """As ``_existing``, for kernels before 6.7."""
    for first in range(start // _PAGE, region.end // _PAGE, _WORDS):
        count = min(_WORDS, region.end // _PAGE - first)
        words = array("Q", os.pread(pages, count * 8, first * 8))
        for number, word in enumerate(words):
            if word & _WORD_PRESENT_OR_SWAPPED and not (region.has_file and word & _WORD_FILE):
                yield (first + number) * _PAGE, (first + number + 1) * _PAGE


def _pieces(ranges: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join ranges with small gaps between them, and cut what is long."""
    start, end = next(ranges, (0, 0))
    for following, its_end in ranges:
        if following - end > GAP:
            yield from _cut(start, end)
            start = following
        end = its_end
    yield from _cut(start, end)


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > PIECE:
        yield start, start + PIECE
        start += PIECE - OVERLAP
    if end > start:
        yield start, end


def _copied(memory: int, start: int, end: int, label: bytes) -> Entry:
    """Copy a range into a file without a name; pages that went away meanwhile are zeros."""
    copy = os.memfd_create("memory", os.MFD_CLOEXEC)
    try:
        os.ftruncate(copy, end - start)
        position = start
        while position < end:
            taken = _copy_some(memory, copy, position, min(end - position, _READ), position - start)
            position += taken or min(_PAGE, end - position)
    except BaseException:
        os.close(copy)
        raise
    return Entry(label, copy, end - start)


_BUFFER = bytearray(_READ)


def _copy_some(memory: int, copy: int, position: int, length: int, offset: int) -> int:
    """Copy up to ``length`` bytes; returns how many, 0 for a page that cannot be read."""
    view = memoryview(_BUFFER)
    try:
        got = os.preadv(memory, [view[:length]], position)
    except PermissionError:
        raise
    except OSError:
        return 0
    if got == 0:
        raise ProcessLookupError
    return os.pwrite(copy, view[:got], offset)


def _label(pid: int, command: bytes, region: Region, start: int, end: int) -> bytes:
    what = region.name or b"anonymous memory"
    return b"process %d (%b): %x-%x %b %b" % (pid, command, start, end, region.rights, what)


def _problem(pid: int, detail: str) -> Entry:
    label = f"process {pid}"
    return Entry(label.encode(), None, problem=Problem(ProblemKind.UNREADABLE, label, detail))


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - often
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _command(pid: int) -> bytes:
    """Return the name of a process, b"" for one of the kernel's own, which has no memory to look at."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file, open(f"/proc/{pid}/maps", "rb") as maps:  # noqa: PTH123 - often
            return file.read().strip() if maps.read(1) else b""
    except OSError:
        return b"?"
