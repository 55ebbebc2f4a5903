"""Taking a file into the vault: by its descriptor, with what belongs to it, in steps that a crash cannot spoil.

1. The open file's own place is looked up, its folder is opened without following links, and its name there must be
   this very file.
2. Its content is sealed and written to the disk.
3. Its content is read and hashed again, and must be what was sealed. Then its record is written: from now on somebody
   who finds this half done must look where the file is.
4. Its name is changed to one that nobody else knows, in the same folder. What has that name now must be the file: if
   somebody swapped something else in, that gets its name back.
5. That name is removed, and the item becomes one of the vault's.
"""

import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from freehold.model.errors import FreeholdError
from freehold.model.report import Report
from freehold.responses.quarantine import names
from freehold.responses.quarantine.errors import Refused, words
from freehold.responses.quarantine.item import Item, reasons
from freehold.responses.quarantine.metadata import beyond_user, capture
from freehold.responses.quarantine.settling import aside_name, settle_taking, settled
from freehold.responses.quarantine.vault import ITEMS, TAKING, Vault
from freehold.responses.wording import size_text

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS, see ioctl_iflags(2)
_FLAGS = {0x10: ("immutable", "chattr -i"), 0x20: ("append-only", "chattr -a")}

_ZEROS = bytes(names.PIECE)


@dataclass(frozen=True, slots=True)
class _Subject:
    """The file that is being taken; ``folder`` is an open descriptor, ``name`` its name there."""

    fd: int
    path: bytes
    folder: int
    name: bytes
    status: os.stat_result
    atime_ns: int


def take(vault: Vault, fd: int, path: bytes, report: Report, opened: os.stat_result | None = None) -> Item:
    """Take an open file into the vault and return it as an item there.

    Args:
        vault: whose lock is not held.
        fd: the descriptor that was examined, open for reading.
        path: how it was opened.
        report: why it is taken.
        opened: status of the file when it was opened: one that was changed since is another file. None skips that.

    Raises:
        Refused: with the reason; the file is where it was, and as it was.
        TrustError: the vault cannot be trusted.
    """
    try:
        subject = _subject(fd, path, opened)
    except OSError as error:
        raise Refused(words(error)) from error
    try:
        with settled(vault):
            return _take(vault, subject, report)
    except OSError as error:
        raise Refused(words(error)) from error
    finally:
        os.close(subject.folder)


def _subject(fd: int, path: bytes, opened: os.stat_result | None) -> _Subject:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise Refused("it is no regular file")
    if opened is not None and not _is_unchanged(opened, status):
        raise Refused("it was changed since it was examined; scan it again")
    place = names.true_path(fd, path)
    if not place.startswith(b"/"):
        raise Refused("it cannot be reached by a path from here")
    above, _, name = place.rpartition(b"/")
    folder = names.open_folder(above or b"/")
    subject = _Subject(fd, place, folder, name, status, (opened or status).st_atime_ns)
    try:
        _refuse_what_cannot_be_removed(subject)
    except BaseException:
        os.close(folder)
        raise
    return subject


def _take(vault: Vault, subject: _Subject, report: Report) -> Item:
    metadata = replace(capture(subject.fd, subject.status), atime_ns=subject.atime_ns)
    if why := beyond_user(metadata):
        raise Refused(f"{why}, so only root could put it back: scan as root")
    _refuse_without_room(vault, subject.status)
    identifier = vault.new()
    try:
        digest = _store(vault, identifier, subject)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        item = Item(identifier, subject.path, now, digest, report.file_type, reasons(report), metadata)
        vault.write_record(item)
        names.rename_new(subject.folder, subject.name, aside_name(identifier))
    except BaseException:
        _give_up(vault, identifier, subject)
        raise
    try:
        _remove(subject, identifier)
        vault.move(identifier, TAKING, ITEMS)
    except BaseException as error:
        if not (_end(vault, identifier) and isinstance(error, OSError)):
            raise
    return item


def _give_up(vault: Vault, identifier: str, subject: _Subject) -> None:
    """Tidy up after an attempt that failed before the file had another name, or just then."""
    if names.status_of(subject.folder, aside_name(identifier)) is None:
        vault.discard(identifier, TAKING)
    else:
        _end(vault, identifier)


def _end(vault: Vault, identifier: str) -> bool:
    """Find out what became of an attempt that failed, and tidy up; returns whether the file is in the vault."""
    if identifier in vault.identifiers(ITEMS):
        return True
    try:
        return settle_taking(vault, identifier)
    except (OSError, FreeholdError) as error:
        reason = words(error) if isinstance(error, OSError) else str(error)
        raise Refused(f"{reason}; 'freehold quarantine list' will bring this to an end") from error


def _store(vault: Vault, identifier: str, subject: _Subject) -> str:
    """Seal the content, make sure that it is what the file still has, and return its SHA-256."""
    whole = hashlib.sha256()
    vault.write_content(identifier, _data(subject, whole))
    if names.digest(subject.fd) != whole.hexdigest() or not _is_unchanged(subject.status, os.fstat(subject.fd)):
        raise Refused("it is being changed at this moment; scan it again")
    return whole.hexdigest()


def _data(subject: _Subject, whole: "hashlib._Hash") -> Iterator[tuple[int, bytes]]:
    """Yield what is not a hole, and hash everything."""
    offset = 0
    for start, end in _extents(subject.fd, subject.status.st_size):
        while offset < start:
            offset += len(gap := _ZEROS[: start - offset])
            whole.update(gap)
        while offset < end and (piece := os.pread(subject.fd, min(names.PIECE, end - offset), offset)):
            whole.update(piece)
            yield offset, piece
            offset += len(piece)


def _extents(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where data begins and ends; the last one ends with the file, even if it is empty."""
    offset = 0
    while offset < size and hasattr(os, "SEEK_DATA"):
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole follows
                break
            raise
        offset = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        yield start, offset
    yield (size, size) if hasattr(os, "SEEK_DATA") else (0, size)


def _remove(subject: _Subject, identifier: str) -> None:
    """Remove what has the new name, and make sure that it is this file, with this content."""
    aside = aside_name(identifier)
    current = os.fstat(subject.fd)
    if not names.is_same(names.status_of(subject.folder, aside), current):
        raise Refused("something else was put in its place at this moment; scan again")
    if not _is_unchanged(subject.status, current):
        raise Refused("it is being changed at this moment; scan it again")
    os.unlink(aside, dir_fd=subject.folder)
    os.fsync(subject.folder)


def _is_unchanged(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file is the same and has the same content; its names, and with them ``st_ctime``, may change."""
    is_same_content = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return names.is_same(before, after) and is_same_content


def _refuse_what_cannot_be_removed(subject: _Subject) -> None:
    if not names.is_same(names.status_of(subject.folder, subject.name), subject.status):
        raise Refused("it was moved, replaced or removed since it was examined; scan again")
    if os.fstatvfs(subject.folder).f_flag & os.ST_RDONLY:
        raise Refused("it is on a read-only file system; make that writable (mount -o remount,rw) and scan again")
    for descriptor, what in ((subject.fd, "it"), (subject.folder, "its folder")):
        flags = _inode_flags(descriptor)
        for flag, (name, remedy) in _FLAGS.items():
            if flags & flag:
                raise Refused(f"{what} is {name}; take that away with '{remedy}' and scan again")


def _inode_flags(fd: int) -> int:
    if sys.platform != "linux":
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(fd, _GET_FLAGS, bytes(8))[:4], sys.byteorder)
    except OSError:  # a file system without such flags
        return 0


def _refuse_without_room(vault: Vault, status: os.stat_result) -> None:
    room = os.statvfs(vault.root)
    free = room.f_bavail * room.f_frsize
    needed = min(status.st_blocks * 512, status.st_size)
    if needed > free:
        raise Refused(
            f"{size_text(needed)} are needed in {vault.root} and {size_text(free)} are free; "
            "make room, perhaps with 'freehold quarantine prune', and scan again"
        )
