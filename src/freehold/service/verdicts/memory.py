"""What a scan knows of earlier scans: files that are unchanged since they were found clean."""

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from freehold.model.errors import TrustError
from freehold.model.report import Report, Verdict
from freehold.service.entry import Known
from freehold.service.verdicts.filesystems import FileSystems
from freehold.service.verdicts.generation import Generation, from_json
from freehold.service.verdicts.table import PACK_KEY, PACK_REST, Table, open_table

_SAVED_AT = 16 << 20
"""Bytes of new records after which they are written while the scan goes on."""

_MOST_TYPES = 1000
_NO_DIGEST = bytes(32)
_DAY = 86_400
_WRITEBACK = Path("/proc/sys/vm")


class Batch:
    """Takes the known files of one folder.

    Attributes:
        known: what was taken.
    """

    __slots__ = ("_device", "_memory", "_system", "_top", "known")

    def __init__(self, memory: "Memory", top: bytes, device: int, system: bytes) -> None:
        self.known = Known()
        self._memory = memory
        self._top = top
        self._device = device
        self._system = system

    def take(self, name: str, status: os.stat_result) -> bool:
        """Take a file of the folder if it is known in this state; False when it must be examined."""
        if status.st_dev != self._device:
            return False
        file_type = self._memory.look_up(self._system, status)
        if file_type is None:
            return False
        known = self.known
        known.files += 1
        known.bytes += status.st_size
        known.file_types[file_type] += 1
        if self._memory.lists:
            report = Report(status.st_size, file_type, sha256=self._memory.sha256(self._system, status), known=True)
            known.each.append((self._top + os.fsencode(name), report))
        return True


class Memory:
    """The memory of verdicts, as one scan uses it.

    Args:
        folder: where it lies; only this user may be able to write it.
        generation: returns what this scan's verdicts depend on, now.
        lists: whether known files are wanted one by one.
        ignore: look nothing up, but remember.
        settled: seconds for which a file must have rested before the scan to be remembered; see ``settling``.

    Attributes:
        lists: as given.
        notices: what the user should know, each once.
        older: digests of segments that files for which ``was_clean`` holds need not be compared with again.
    """

    def __init__(
        self,
        folder: Path,
        generation: Callable[[], Generation],
        *,
        lists: bool = False,
        ignore: bool = False,
        settled: float | None = None,
    ) -> None:
        self.lists = lists
        self.notices: list[str] = []
        self._folder = folder
        self._ask = generation
        self._generation = generation()
        self._identity = self._generation.identity
        self._systems = FileSystems()
        self._before = time.time_ns() - int((settling() if settled is None else settled) * 1e9)
        self._day = int(time.time()) // _DAY & 0xFFFF
        self._new = bytearray()
        self._types: dict[str, int] = {"": 0}
        self._table = None if ignore else self._opened()
        self.older: frozenset[str] = frozenset()
        self._were_clean: frozenset[bytes] = frozenset()
        if self._table:
            self._find_older(self._table)

    def batch(self, folder: bytes, fd: int, device: int) -> Batch | None:
        """Return what takes the known files of an open folder (its path with the slash); None where none is known."""
        system = self._systems.identity(fd, device)
        return Batch(self, folder, device, system) if system and self._table else None

    def look_up(self, system: bytes, status: os.stat_result) -> str | None:
        """Return the type of a file that was found clean in this state, None when that is not known."""
        table = self._table
        at = self._find(system, status)
        if table is None or not at or table.generation(at) != self._identity:
            return None
        number = table.file_type(at)
        return table.types[number] if number < len(table.types) else ""

    def was_clean(self, status: os.stat_result) -> bool:
        """Whether a file in this state was found clean by at least the segments that ``older`` names."""
        system = self._systems.known(status.st_dev) if self._were_clean else b""
        at = self._find(system, status) if system else 0
        return bool(at and self._table and self._table.generation(at) in self._were_clean)

    def sha256(self, system: bytes, status: os.stat_result) -> str:
        """Return the digest of a known file, "" where it was not computed."""
        at = self._find(system, status)
        return self._table.sha256(at) if self._table and at else ""

    def remember(self, status: os.stat_result | None, report: Report) -> None:
        """Remember a file that was examined, if it is clean and if its state, as it was opened, identifies it."""
        if status is None or report.verdict is not Verdict.CLEAN or status.st_size != report.size:
            return
        if max(status.st_mtime_ns, status.st_ctime_ns) >= self._before:
            return
        system = self._systems.known(status.st_dev)
        if not system:
            return
        number = self._number_of(report.file_type)
        digest = bytes.fromhex(report.sha256) if len(report.sha256) == 64 else _NO_DIGEST
        try:
            self._new += _key(system, status) + PACK_REST(self._identity, number, self._day, 0, digest)
        except struct.error:
            return
        if len(self._new) >= _SAVED_AT:
            self.save()

    def look_up_content(self, digest: str, size: int) -> str | None:
        """Return the type of a content that was found clean, None when that is not known; the digest is a SHA-256."""
        raw = bytes.fromhex(digest.removeprefix("sha256:"))
        try:
            at = self._table.find(_content_key(raw, size)) if self._table else 0
        except TrustError as error:
            self._forget(error)
            return None
        if self._table is None or not at or self._table.generation(at) != self._identity:
            return None
        number = self._table.file_type(at)
        matches = self._table.sha256(at) == raw.hex() and number < len(self._table.types)
        return self._table.types[number] if matches else None

    def remember_content(self, digest: str, report: Report) -> None:
        """Remember a content that was examined, wherever it came from, if it is clean."""
        if report.verdict is not Verdict.CLEAN:
            return
        raw = bytes.fromhex(digest.removeprefix("sha256:"))
        rest = PACK_REST(self._identity, self._number_of(report.file_type), self._day, 0, raw)
        self._new += _content_key(raw, report.size) + rest

    def save(self) -> None:
        """Put what is new into the table; where that is impossible it is lost, with a notice."""
        if not self._new:
            return
        if self._ask() != self._generation:  # the workers may have loaded either
            self._new.clear()
            self._notice("the database was replaced during the scan, so its verdicts are not remembered")
            return
        from freehold.service.verdicts.writing import Addition, add

        addition = Addition(bytes(self._new), list(self._types), {self._identity: self._generation.to_json()})
        self._new.clear()
        try:
            add(self._folder, addition)
        except OSError as error:
            self._notice(f"cannot remember verdicts in {self._folder}: {error.strerror}")

    def _number_of(self, file_type: str) -> int:
        return self._types.setdefault(file_type, len(self._types)) if len(self._types) < _MOST_TYPES else 0

    def _find(self, system: bytes, status: os.stat_result) -> int:
        if self._table is None:
            return 0
        try:
            return self._table.find(_key(system, status))
        except struct.error:
            return 0
        except TrustError as error:
            self._forget(error)
            return 0

    def _find_older(self, table: Table) -> None:
        """Look for the youngest generation to which this one only adds, and for those that have all that it has."""
        try:
            older = {key: from_json(value) for key, value in table.generations.items()}
        except ValueError as error:
            self._forget(TrustError(str(error)))
            return
        fitting = {key: other for key, other in older.items() if self._generation.only_adds_to(other)}
        if fitting:
            self.older = list(fitting.values())[-1].segments
            self._were_clean = frozenset(key for key, other in fitting.items() if self.older <= other.segments)

    def _opened(self) -> Table | None:
        try:
            return open_table(self._folder)
        except TrustError as error:
            self._forget(error)
            return None

    def _forget(self, error: TrustError) -> None:
        self._table = None
        self._notice(f"the memory of verdicts in {self._folder} is not used: {error}; every file is examined")

    def _notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)


def settling() -> float:
    """Return for how many seconds a file must have rested so that each later change of its content shows in its times.

    A store into a mapped page is recorded when the page becomes dirty; further stores are not, until the page has been
    written to the disk. That happens within the kernel's limits (proc(5): ``dirty_expire_centisecs``).
    """
    try:
        expire, period = (int((_WRITEBACK / f"dirty_{name}_centisecs").read_text()) for name in ("expire", "writeback"))
    except (OSError, ValueError):
        return 60.0
    return (expire + 2 * period) / 100 + 5 if period else float(_DAY)


def _key(system: bytes, status: os.stat_result) -> bytes:
    return PACK_KEY(system, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _content_key(digest: bytes, size: int) -> bytes:
    """Return the key of a content that is known by its digest: no file system has this name."""
    first, second, third = struct.unpack_from("<3Q", digest)
    return PACK_KEY(b"contents", first, size, second, third)
