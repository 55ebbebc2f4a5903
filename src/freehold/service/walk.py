"""From the paths that the user names to open descriptors, lazily and in a fixed order.

The walk opens every file relative to the descriptor of its folder and never follows a symbolic link on the way,
so nobody can lead it elsewhere while it runs. Only regular files come out; what vanishes, denies access or is
larger than wished comes out as an entry with a problem; what is left out on purpose is counted in ``Walk.left_out``.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from freehold.model.report import Problem, ProblemKind
from freehold.service.entry import Entry, Known

DEEPEST_FOLDER = 512
"""Folders inside folders that the walk enters; each level holds one descriptor while the walk is below it."""

LISTING_CHUNK = 50_000
"""Names of one folder that are held and sorted at a time, so that a huge folder cannot exhaust memory."""

SPOOL_CHUNK = 1 << 20

VIRTUAL_FILE_SYSTEMS = """
    autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts efivarfs fusectl mqueue nfsd nsfs proc pstore
    resctrl rpc_pipefs securityfs selinuxfs smackfs sysfs tracefs
"""
"""Types of file systems whose files are views into the kernel; device and memory file systems are not among them."""

_COMMON = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_ACCESS_TIME: int = getattr(os, "O_NOATIME", 0)


class LeftOut(StrEnum):
    """What a walk passes by without a problem."""

    LINK = "symbolic links"
    SPECIAL = "special files"
    EXCLUDED = "excluded by pattern"
    VIRTUAL = "virtual file systems"
    OTHER = "other file systems"
    SEEN = "folders met before"
    UNCHANGED = "not changed since then"
    PACKAGED = "verified by the package manager"
    TWICE = "met before"


class WalkOptions(NamedTuple):
    """What a walk enters.

    Attributes:
        exclude: patterns in gitignore syntax, relative to each named folder.
        one_file_system: do not enter folders on another file system than the named one.
        follow_symlinks: open what symbolic links point to, and enter each folder once.
        maximum_size: larger files, in bytes, become a problem instead of being opened; None for no bound.
        changed_since: leave out what was last changed, content or status, before this time; in ns since the epoch.
    """

    exclude: tuple[str, ...] = ()
    one_file_system: bool = False
    follow_symlinks: bool = False
    maximum_size: int | None = None
    changed_since: int | None = None


class KnownFiles(Protocol):
    """Takes the files of one folder that need no examination."""

    @property
    def known(self) -> Known:
        """What was taken."""

    def take(self, name: str, status: os.stat_result) -> bool:
        """Take a file if it is known in this state."""


class Memory(Protocol):
    """Knows files that need no examination."""

    def batch(self, folder: bytes, fd: int, device: int, /) -> KnownFiles | None:
        """Return what takes the files of an open folder (its path with the slash); None where none is known."""

    def was_clean(self, status: os.stat_result, /) -> bool:
        """Whether a file in this state was found clean by all segments but the newest ones."""


class _Folder(NamedTuple):
    path: bytes
    inside: bytes
    fd: int
    device: int
    listing: Iterator["os.DirEntry[str] | Known"]


class _File(NamedTuple):
    path: bytes
    name: str | bytes
    folder: int | None
    follow: bool


class Walk:
    """One walk over named files and folders.

    Args:
        options: what it enters.
        memory: what is known already, of files in folders; a file that is named itself is always examined.

    Attributes:
        left_out: how many names were passed by, by reason.
    """

    def __init__(self, options: WalkOptions, memory: Memory | None = None) -> None:
        self.left_out: Counter[LeftOut] = Counter()
        self._options = options
        self._memory = memory
        self._excluded = _matcher(options.exclude)
        self._seen: set[tuple[int, int]] = set()
        self._virtual: frozenset[int] | None = None
        self._keep_access_time = _NO_ACCESS_TIME

    def entries(self, paths: Iterable[bytes]) -> Iterator[Entry]:
        """Yield one entry for each file at or below ``paths``; whoever takes an entry owns its descriptor."""
        return (found for found in self.all(paths) if isinstance(found, Entry))

    def all(self, paths: Iterable[bytes]) -> Iterator[Entry | Known]:
        """As ``entries``, and yield what the memory knows in between, folder by folder."""
        for found in self._find(paths):
            entry = self._open(found) if isinstance(found, _File) else found
            if isinstance(entry, LeftOut):
                self.left_out[entry] += 1
            else:
                yield entry

    def count(self, paths: Iterable[bytes]) -> Iterator[int]:
        """Yield a running count of the files that ``entries`` would yield, opening folders only."""
        number = 0
        for found in self._find(paths):
            number += found.files if isinstance(found, Known) else 1
            yield number

    def _find(self, paths: Iterable[bytes]) -> Iterator[_File | Entry | Known]:
        for path in paths:
            try:
                mode = os.stat(path).st_mode  # noqa: PTH116 -- paths are bytes
                if stat.S_ISDIR(mode):
                    yield from self._below(self._enter(path, path, b"", None))
                elif stat.S_ISREG(mode):
                    yield _File(path, path, None, follow=True)
                else:
                    yield _unreadable(path, "is neither a file nor a folder; pipe its content to --stdin to scan it")
            except (OSError, ValueError) as error:
                yield _unreadable(path, _reason(error))

    def _below(self, top: _Folder | LeftOut) -> Iterator[_File | Entry | Known]:
        stack: list[_Folder] = []
        found: _File | _Folder | Entry | Known | LeftOut = top
        try:
            while True:
                if isinstance(found, _Folder):
                    stack.append(found)
                elif isinstance(found, LeftOut):
                    self.left_out[found] += 1
                else:
                    yield found
                item = None
                while stack and (item := _next(stack[-1])) is None:
                    os.close(stack.pop().fd)
                if item is None:
                    return
                found = item if isinstance(item, Entry | Known) else self._look_at(item, stack[-1], len(stack))
        finally:
            for folder in stack:
                os.close(folder.fd)

    def _look_at(self, item: "os.DirEntry[str]", folder: _Folder, depth: int) -> _File | _Folder | Entry | LeftOut:
        name = os.fsencode(item.name)
        path = _with_slash(folder.path) + name
        inside = folder.inside + name
        follow = self._options.follow_symlinks
        try:
            if item.is_symlink() and not (follow and _leads_somewhere(item)):
                return LeftOut.LINK
            is_folder = item.is_dir(follow_symlinks=follow)
            if self._excluded and self._excluded(inside + b"/" if is_folder else inside):
                return LeftOut.EXCLUDED
            if is_folder:
                if depth >= DEEPEST_FOLDER:
                    return _limit(path, f"folders are nested deeper than {DEEPEST_FOLDER}: name this one to scan it")
                return self._enter(path, item.name, inside + b"/", folder)
            if not item.is_file(follow_symlinks=follow):
                return LeftOut.SPECIAL
        except OSError as error:
            return _unreadable(path, _reason(error))
        return _File(path, item.name, folder.fd, follow)

    def _enter(self, path: bytes, name: str | bytes, inside: bytes, parent: _Folder | None) -> _Folder | LeftOut:
        """Open a folder, or say why it is left out. Raises ``OSError``."""
        follow = parent is None or self._options.follow_symlinks
        fd = os.open(name, _FOLDER | (0 if follow else os.O_NOFOLLOW), dir_fd=parent.fd if parent else None)
        try:
            status = os.fstat(fd)
            reason = self._reason_to_pass(status, parent)
            if reason is None:
                self._keep_access_time = _NO_ACCESS_TIME
                return _Folder(path, inside, fd, status.st_dev, self._listing(path, inside, fd, status.st_dev))
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return reason

    def _listing(self, path: bytes, inside: bytes, fd: int, device: int) -> Iterator["os.DirEntry[str] | Known"]:
        """Yield the names in a folder; what is known or was not changed is taken out by its status alone."""
        if self._memory is None and self._options.changed_since is None:
            for chunk in _chunks(fd):
                yield from chunk
            return
        for chunk in _chunks(fd):
            known = self._memory.batch(_with_slash(path), fd, device) if self._memory else None
            rest = self._sift(inside, chunk, known)
            if known is not None and (known.known.files or known.known.restored):
                yield known.known
            yield from rest

    def _sift(
        self, inside: bytes, chunk: "list[os.DirEntry[str]]", known: KnownFiles | None
    ) -> "list[os.DirEntry[str]]":
        rest = []
        limit = self._options.maximum_size
        since = self._options.changed_since
        for item in chunk:
            try:
                # Links are not looked at here: what they lead to has its own status.
                if item.is_file(follow_symlinks=False) and not (
                    self._excluded and self._excluded(inside + os.fsencode(item.name))
                ):
                    status = item.stat(follow_symlinks=False)
                    if since is not None and max(status.st_mtime_ns, status.st_ctime_ns) < since:
                        self.left_out[LeftOut.UNCHANGED] += 1
                        continue
                    if known and (limit is None or status.st_size <= limit) and known.take(item.name, status):
                        continue
            except OSError:
                pass  # whoever opens it says why
            rest.append(item)
        return rest

    def _reason_to_pass(self, status: os.stat_result, parent: _Folder | None) -> LeftOut | None:
        if parent and status.st_dev != parent.device:
            if self._options.one_file_system:
                return LeftOut.OTHER
            if self._virtual is None:
                self._virtual = _virtual_devices()
            if status.st_dev in self._virtual:
                return LeftOut.VIRTUAL
        if self._options.follow_symlinks:
            identity = (status.st_dev, status.st_ino)
            if identity in self._seen:
                return LeftOut.SEEN
            self._seen.add(identity)
        return None

    def _open(self, file: _File) -> Entry | LeftOut:
        flags = _COMMON if file.follow else _COMMON | os.O_NOFOLLOW
        try:
            fd = self._open_quietly(file, flags)
        except (OSError, ValueError) as error:
            return _unreadable(file.path, _reason(error))
        status = os.fstat(fd)
        limit = self._options.maximum_size
        if stat.S_ISREG(status.st_mode) and (limit is None or status.st_size <= limit):
            entry = Entry(file.path, fd, status.st_size, status=status)
            entry.clean_before = self._memory is not None and self._memory.was_clean(status)
            return entry
        os.close(fd)
        if not stat.S_ISREG(status.st_mode):
            return LeftOut.SPECIAL
        entry = _limit(file.path, f"{status.st_size} bytes are more than --max-size allows")
        entry.size = status.st_size
        return entry

    def _open_quietly(self, file: _File, flags: int) -> int:
        """Open without touching the access time where that is allowed: for the owner and for root."""
        if self._keep_access_time:
            try:
                return os.open(file.name, flags | self._keep_access_time, dir_fd=file.folder)
            except PermissionError:
                # Files of one folder mostly have one owner: do not try again before the next folder.
                self._keep_access_time = 0
        return os.open(file.name, flags, dir_fd=file.folder)


def spool(source: int, path: bytes) -> Entry:
    """Copy what a descriptor still yields to an unlinked temporary file and return that as an entry."""
    import tempfile

    try:
        with tempfile.TemporaryFile(prefix="freehold-", buffering=0) as file:
            size = 0
            while chunk := os.read(source, SPOOL_CHUNK):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(file.fileno(), rest) :]
                size += len(chunk)
            return Entry(path, os.dup(file.fileno()), size)
    except OSError as error:
        return _unreadable(path, _reason(error))


def _chunks(fd: int) -> Iterator["list[os.DirEntry[str]]"]:
    with os.scandir(fd) as listing:
        while True:
            chunk = sorted(islice(listing, LISTING_CHUNK), key=_name)
            if len(chunk) < LISTING_CHUNK:
                break
            yield chunk
    # The listing's own descriptor is closed before the walk descends.
    yield chunk


def _with_slash(path: bytes) -> bytes:
    return path if path.endswith(b"/") else path + b"/"


def _next(folder: _Folder) -> "os.DirEntry[str] | Known | Entry | None":
    try:
        return next(folder.listing, None)
    except OSError as error:
        return _unreadable(folder.path, _reason(error))


def _leads_somewhere(link: "os.DirEntry[str]") -> bool:
    try:
        return link.is_file() or link.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _name(item: "os.DirEntry[str]") -> str:
    return item.name


def _matcher(patterns: tuple[str, ...]) -> Callable[[bytes], bool] | None:
    if not patterns:
        return None
    import pathspec

    spec = pathspec.GitIgnoreSpec.from_lines(patterns)
    return lambda path: bool(spec.match_file(path.decode("utf-8", "replace")))


def _virtual_devices() -> frozenset[int]:
    """Device numbers of mounted virtual file systems, by /proc/self/mountinfo (see proc_pid_mountinfo(5))."""
    virtual = frozenset(VIRTUAL_FILE_SYSTEMS.split())
    devices = set()
    try:
        with Path("/proc/self/mountinfo").open("rb") as table:
            for line in table:
                mount, _, source = line.partition(b" - ")
                if source.split(b" ", 1)[0].decode("ascii", "replace") in virtual:
                    major, _, minor = mount.split(b" ")[2].partition(b":")
                    devices.add(os.makedev(int(major), int(minor)))
    except FileNotFoundError:
        return frozenset()
    return frozenset(devices)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _unreadable(path: bytes, detail: str) -> Entry:
    return Entry(path, None, problem=Problem(ProblemKind.UNREADABLE, _label(path), detail))


def _limit(path: bytes, detail: str) -> Entry:
    return Entry(path, None, problem=Problem(ProblemKind.LIMIT, _label(path), detail))


def _label(path: bytes) -> str:
    return (path.rstrip(b"/").rpartition(b"/")[2] or path).decode("utf-8", "surrogateescape")
