"""The journal of a scan: what was examined so far, so that a scan that was interrupted goes on where it was.

The walk is cheap and is made again; what the journal has of a file that is unchanged is not examined again. Files in
which something was found are: they are few, and whoever acts on them needs them open. What has vanished meanwhile is
reported as it was. So the report in the end is that of a scan that nobody interrupted.

A journal lies in the user's private cache. It has a line for each file, each with a checksum; a line that was not
written to its end, and everything behind it, does not count. A scan that comes to its end removes it. It is written at
most once a second, so scans that take less leave nothing behind.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

from freehold.model.errors import MalformedInput, UsageError
from freehold.model.report import Report
from freehold.service.entry import Known
from freehold.service.private import cache_directory
from freehold.service.walk import KnownFiles, Memory

WRITTEN_EVERY = 1.0
"""Seconds of work that a killed scan loses at most."""

_SYNCED_EVERY = 10.0
"""The same when the power fails."""

_KEPT = 4
"""Journals of interrupted scans that are kept."""

_KEY = 16
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Header(NamedTuple):
    """What a scan was about.

    Attributes:
        generation: what its verdicts depend on, in hexadecimal.
        options: of the scan, by name, as JSON values: all that decides on what is examined and reported.
        paths: as they were named.
        folder: in which it was begun.
    """

    generation: str
    options: dict[str, Any]
    paths: list[str]
    folder: str


class Journal:
    """The journal of one scan, being written.

    Args:
        path: of the file; it is made when there is something to write.
        header: what the scan is about.
        file: an interrupted scan's journal, open for appending and locked, to go on with.
    """

    def __init__(self, path: Path, header: Header, file: BinaryIO | None = None) -> None:
        self._path = path
        self._file = file
        self._lines: list[bytes] = [] if file else [_line(list(header))]
        self._written = self._synced = time.monotonic()

    def add(self, path: bytes, status: os.stat_result | None, report: Report) -> None:
        """Note a file that was examined, in the state in which it was opened."""
        if status is None:
            return  # it could not be opened, which costs nothing to find out again
        state = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        self._lines.append(_line([path.decode("utf-8", "surrogateescape"), state, report.to_wire()]))
        now = time.monotonic()
        if now - self._written >= WRITTEN_EVERY:
            self._write(sync=now - self._synced >= _SYNCED_EVERY)

    def keep(self) -> None:
        """Leave the journal for a scan that goes on."""
        self._write(sync=True)

    def remove(self) -> None:
        """Remove the journal: the scan has come to its end."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
        self._file = None
        self._lines.clear()

    def _write(self, *, sync: bool) -> None:
        """Write what is held back; where that is impossible the scan goes on without a journal."""
        self._written = time.monotonic()
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = _new(self._path)
            self._file.write(b"".join(self._lines))
            self._file.flush()
            if sync:
                os.fsync(self._file.fileno())
                self._synced = self._written
        self._lines.clear()


class Interrupted:
    """The journal of an interrupted scan, to go on with; nobody else does so meanwhile.

    Attributes:
        path: of the file.
        header: what the scan was about.
        file: open for appending, behind what counts.
    """

    def __init__(self, path: Path, header: Header, file: BinaryIO, places: dict[bytes, int]) -> None:
        self.path = path
        self.header = header
        self.file = file
        self._reader = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._places = places

    def journal(self) -> Journal:
        """Return the journal for the rest of the scan."""
        return Journal(self.path, self.header, self.file)

    def discard(self) -> None:
        """Remove the journal: its verdicts do not hold any more."""
        self.path.unlink(missing_ok=True)
        self.file.close()

    def memory(self, below: Memory | None) -> Memory:
        """Return what the walk needs to pass by what was examined: it asks this journal, then ``below``."""
        return _Resumed(self, below)

    def restore(self, path: bytes, status: os.stat_result) -> Report | None:
        """Return the report of a file that must not be examined again; each only once."""
        place = self.met(path)
        if place is None:
            return None
        _, state, report = self._read(place)
        now = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        return report if state == now and not report.detections else None

    def met(self, path: bytes) -> int | None:
        """Note that a file is still there."""
        return self._places.pop(_key(os.path.abspath(path)), None)  # noqa: PTH100 - paths are bytes

    def vanished(self) -> Iterator[tuple[bytes, Report]]:
        """Yield what the walk did not meet any more."""
        for place in self._places.values():
            path, _, report = self._read(place)
            yield path, report
        self._places.clear()

    def _read(self, place: int) -> tuple[bytes, list[int], Report]:
        with os.fdopen(os.dup(self._reader), "rb") as file:
            file.seek(place)
            path, state, wire = json.loads(file.readline()[9:])
        return path.encode("utf-8", "surrogateescape"), state, Report.from_wire(wire)


def begin(header: Header) -> Journal | None:
    """Return a journal for a scan; None where there is no folder that only this user can write."""
    folder = _folder()
    if folder is None:
        return None
    return Journal(folder / f"{blake2b(os.urandom(16), digest_size=8).hexdigest()}.journal", header)


def interrupted(options: dict[str, Any] | None) -> Interrupted:
    """Take up the journal of the last interrupted scan: of any, or of the one with these options.

    Raises:
        UsageError: there is none.
    """
    folder = _folder()
    for path in _newest_first(folder) if folder else ():
        taken = _take(path)
        if taken is None:
            continue
        if options is None or taken.header.options == options:
            return taken
        taken.file.close()
    what = "" if options is None else " with these paths and options"
    raise UsageError(f"there is no interrupted scan{what} to resume; scan without --resume to begin one")


class _Batch:
    """Takes files that the journal has, and those that the memory below knows."""

    def __init__(self, resumed: Interrupted, top: bytes, below: KnownFiles | None) -> None:
        self.known = below.known if below else Known()
        self._resumed = resumed
        self._top = top
        self._below = below

    def take(self, name: str, status: os.stat_result) -> bool:
        path = self._top + os.fsencode(name)
        report = self._resumed.restore(path, status)
        if report is not None:
            self.known.restored.append((path, report))
            return True
        return self._below is not None and self._below.take(name, status)


class _Resumed:
    def __init__(self, resumed: Interrupted, below: Memory | None) -> None:
        self._resumed = resumed
        self._below = below

    def batch(self, folder: bytes, fd: int, device: int) -> KnownFiles | None:
        return _Batch(self._resumed, folder, self._below.batch(folder, fd, device) if self._below else None)

    def was_clean(self, status: os.stat_result) -> bool:
        return self._below is not None and self._below.was_clean(status)


def _folder() -> Path | None:
    cache = cache_directory()
    return cache / "scans" if cache else None


def _newest_first(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.glob("*.journal"), key=lambda path: -path.stat().st_mtime_ns)
    return []


def _new(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    for old in _newest_first(path.parent)[_KEPT - 1 :]:
        with contextlib.suppress(OSError), old.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a scan that runs holds it
            old.unlink()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return os.fdopen(fd, "ab")


def _take(path: Path) -> Interrupted | None:
    """Lock a journal and read where its lines begin; None when a scan is writing it or it is no journal of ours."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    file = os.fdopen(fd, "ab")
    try:
        status = os.fstat(fd)
        if status.st_uid == os.geteuid() and status.st_mode & 0o170077 == 0o100000:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            header, places, end = _scan_lines(path)
            file.truncate(end)
            return Interrupted(path, header, file, places)
    except (OSError, MalformedInput):
        pass
    file.close()
    return None


def _scan_lines(path: Path) -> tuple[Header, dict[bytes, int], int]:
    """Return the header, where the line of each path is, and where what counts ends; raises ``MalformedInput``."""
    places: dict[bytes, int] = {}
    header = None
    folder = b""
    end = 0
    with path.open("rb") as file:
        for line in file:
            if not _is_whole(line):
                break
            value = json.loads(line[9:])
            if header is None:
                header = Header(*value)
                folder = os.fsencode(header.folder)
            else:
                places[_key(os.path.join(folder, os.fsencode(value[0])))] = end  # noqa: PTH118 - bytes
            end += len(line)
    if header is None:
        raise MalformedInput("it has no header")
    return header, places, end


def _line(value: list[Any]) -> bytes:
    text = _ENCODER.encode(value).encode("ascii")
    return b"%08x %s\n" % (crc32(text), text)


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n") and line[:9] == b"%08x " % crc32(line[9:-1])


def _key(path: bytes) -> bytes:
    return blake2b(os.path.normpath(path), digest_size=_KEY).digest()
