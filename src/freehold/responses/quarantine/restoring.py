"""Putting a file back: exactly as it was, under no name before it is complete, and never over anything else.

The file is made without a name (O_TMPFILE) in the folder where it belongs, gets its content, whose hash must be right,
and all that belongs to it, and is written to the disk; only then it gets its name, in one step that fails when
something has that name. Where there are no files without a name, it has one that nobody else knows until then.
"""

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from freehold.model.errors import FreeholdError, TrustError
from freehold.responses.quarantine import metadata, names
from freehold.responses.quarantine.errors import Refused, words
from freehold.responses.quarantine.item import Item
from freehold.responses.quarantine.settling import aside_name, settle_restoring, settled
from freehold.responses.quarantine.vault import ITEMS, RESTORING, Destination, Vault
from freehold.responses.wording import printable_path

_UNNAMED: int = getattr(os, "O_TMPFILE", 0)
_NO_UNNAMED = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""What O_TMPFILE says where there are no files without a name."""

_ZEROS = bytes(names.PIECE)
_Group = tuple[int, int, str, int]


class Restorer:
    """Puts back some items of a vault; those that were names of one file become names of one file again.

    Args:
        vault: whose lock is not held.
        items: all that will be put back.
        folder: where to put them, instead of where they were; an existing folder.
    """

    def __init__(self, vault: Vault, items: Iterable[Item], folder: bytes | None = None) -> None:
        self._vault = vault
        self._folder = None if folder is None else os.path.realpath(folder)
        listed = list(items)
        sizes = Counter(map(_group, listed))
        several = {_group(item) for item in listed if item.metadata.links > 1}
        self._linked = {group for group in several if sizes[group] > 1}
        self._descriptors: dict[_Group, int] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def restore(self, item: Item) -> bytes:
        """Put one item back and return its path.

        Raises:
            Refused: with the reason; it is still in the vault, and nothing was changed.
            TrustError: its content is not what was sealed.
        """
        path = self._destination(item)
        above, _, name = path.rpartition(b"/")
        try:
            folder = names.open_folder(above or b"/")
        except OSError as error:
            raise Refused(f"{printable_path(above)}: {words(error)}; name another one with --to") from error
        try:
            with settled(self._vault):
                self._restore(item, path, folder, name)
        except OSError as error:
            raise Refused(words(error)) from error
        finally:
            os.close(folder)
        return path

    def _destination(self, item: Item) -> bytes:
        if self._folder is None:
            return item.path
        return self._folder.rstrip(b"/") + b"/" + item.path.rpartition(b"/")[2]

    def _restore(self, item: Item, path: bytes, folder: int, name: bytes) -> None:
        if names.status_of(folder, name) is not None:
            raise Refused(f"{printable_path(path)} exists and is not overwritten; move it away, or use --to")
        if item.identifier not in self._vault.identifiers(ITEMS):
            raise Refused("it is not in the quarantine any more")
        self._vault.move(item.identifier, ITEMS, RESTORING)
        try:
            self._put_back(item, path, folder, name)
            self._vault.discard(item.identifier, RESTORING)
        except BaseException as error:
            if not (self._end(item.identifier) and isinstance(error, OSError)):
                raise

    def _end(self, identifier: str) -> bool:
        """Find out what became of an attempt that failed, and tidy up; returns whether the file is back."""
        if identifier not in self._vault.identifiers(RESTORING):
            return True
        try:
            return settle_restoring(self._vault, identifier)
        except (OSError, FreeholdError) as error:
            reason = words(error) if isinstance(error, OSError) else str(error)
            raise Refused(f"{reason}; 'freehold quarantine list' will bring this to an end") from error

    def _put_back(self, item: Item, path: bytes, folder: int, name: bytes) -> None:
        group = _group(item)
        known = self._descriptors.get(group)
        if known is not None and os.fstat(known).st_dev == os.fstat(folder).st_dev:
            self._note(item, path, os.fstat(known).st_ino)
            _give_name(known, folder, name)
            os.fsync(folder)
            return
        fd, temporary = self._new_file(item, path, folder)
        try:
            self._note(item, path, os.fstat(fd).st_ino)
            self._fill(fd, item)
            if temporary is None:
                _give_name(fd, folder, name)
            else:
                names.rename_new(folder, temporary, name)
            os.fsync(folder)
            if group in self._linked:  # other names of it may come
                self._descriptors[group] = kept = os.dup(fd)
                self._open.callback(os.close, kept)
        finally:
            os.close(fd)

    def _new_file(self, item: Item, path: bytes, folder: int) -> tuple[int, bytes | None]:
        """Make an empty file in a folder and return it with its name, if it has to have one already."""
        if _UNNAMED and os.path.isdir("/proc/self/fd"):  # noqa: PTH112 -- one call
            try:
                return os.open(b".", _UNNAMED | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder), None
            except OSError as error:
                if error.errno not in _NO_UNNAMED:
                    raise
        self._note(item, path, 0)  # so that it is removed if this process dies
        temporary = aside_name(item.identifier)
        return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder), temporary

    def _note(self, item: Item, path: bytes, inode: int) -> None:
        self._vault.write_destination(item.identifier, Destination(path, inode))

    def _fill(self, fd: int, item: Item) -> None:
        whole = hashlib.sha256()
        end = 0
        for offset, piece in self._vault.read_content(item.identifier, RESTORING):
            _hash_hole(whole, offset - end)
            _write(fd, piece, offset)
            whole.update(piece)
            end = offset + len(piece)
        _hash_hole(whole, item.metadata.size - end)
        if whole.hexdigest() != item.sha256:
            raise TrustError("the content is not what was taken: its hash is another one")
        os.ftruncate(fd, item.metadata.size)
        metadata.apply(fd, item.metadata)
        os.fsync(fd)


def _group(item: Item) -> _Group:
    """Return what names of one file have in common."""
    return item.metadata.device, item.metadata.inode, item.sha256, item.metadata.mtime_ns


def _give_name(fd: int, folder: int, name: bytes) -> None:
    """Give an open file a name; raises ``FileExistsError`` when something has it."""
    os.link(b"/proc/self/fd/%d" % fd, name, dst_dir_fd=folder, follow_symlinks=True)


def _write(fd: int, piece: bytes, offset: int) -> None:
    rest = memoryview(piece)
    while rest:
        written = os.pwrite(fd, rest, offset)
        rest = rest[written:]
        offset += written


def _hash_hole(whole: "hashlib._Hash", length: int) -> None:
    while length > 0:
        whole.update(gap := _ZEROS[:length])
        length -= len(gap)
