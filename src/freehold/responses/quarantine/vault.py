"""The vault: a folder that only its owner can enter, with a key, and one folder for each file that was taken.

::

    key                      the vault's key, 32 random bytes
    taking/ID/               on the way in: "content", then "record"; the file itself is perhaps still where it was
    items/ID/                taken: the file is here and nowhere else
    restoring/ID/            on the way out: besides, "destination" says where to
    trash/ID/                not wanted any more

A folder goes from one state to the next by one rename, after everything in it has reached the disk. Whoever changes
anything holds the lock, so what is in ``taking`` or ``restoring`` when somebody gets the lock was left by a process
that died: ``settling`` brings it to an end.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from freehold.model import places
from freehold.model.errors import TrustError, UsageError
from freehold.responses.quarantine import sealing
from freehold.responses.quarantine.errors import Refused, words
from freehold.responses.quarantine.item import Item

TAKING, ITEMS, RESTORING, TRASH = "taking", "items", "restoring", "trash"

_CONTENT, _RECORD, _DESTINATION, _KEY = "content", "record", "destination", "key"
_IDENTIFIER = re.compile(r"[0-9a-f]{12}")
_BEGINNING = re.compile(r"[0-9a-f]{1,12}")
_PIECE = 1 << 20
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def home() -> Path:
    """Return this user's vault."""
    return places.data("quarantine")


class Destination(NamedTuple):
    """Where a file is being put back, and the inode that it has there."""

    path: bytes
    inode: int


class Vault:
    """The vault at ``root``. Everything but ``exists`` and ``locked`` wants the lock to be held.

    Raises:
        TrustError: somebody else could read or write it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._loaded_key = b""

    def exists(self) -> bool:
        """Whether anything was ever put here."""
        return self.root.is_dir()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, waiting for it when necessary; makes the vault when there is none."""
        lock = self._open()
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("freehold: waiting for another process to be done with the quarantine", file=sys.stderr)
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._empty_trash()
            yield
        finally:
            os.close(lock)

    def identifiers(self, state: str) -> list[str]:
        """Return what is in one state."""
        try:
            return sorted(path.name for path in (self.root / state).iterdir() if _IDENTIFIER.fullmatch(path.name))
        except FileNotFoundError:
            return []

    def folder(self, state: str, identifier: str) -> Path:
        """Return where an item lies."""
        return self.root / state / identifier

    def new(self) -> str:
        """Make a folder on the way in and return its identifier."""
        identifier = secrets.token_hex(6)
        self.folder(TAKING, identifier).mkdir(mode=0o700)
        return identifier

    def move(self, identifier: str, old: str, new: str) -> None:
        """Take an item from one state to the next, for good when this returns."""
        sync(self.folder(old, identifier))
        self.folder(old, identifier).rename(self.folder(new, identifier))
        sync(self.root / new)
        sync(self.root / old)

    def discard(self, identifier: str, state: str) -> None:
        """Remove an item for good."""
        self.move(identifier, state, TRASH)
        self._empty_trash()

    def write_content(self, identifier: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Seal content: pieces of at most 1 MiB with their offsets, holes left out."""
        framed = (offset.to_bytes(8, "little") + piece for offset, piece in pieces)
        self._seal(TAKING, identifier, _CONTENT, framed)

    def read_content(self, identifier: str, state: str) -> Iterator[tuple[int, bytes]]:
        """Yield what ``write_content`` sealed; raises ``TrustError`` when it was changed."""
        for framed in self._unseal(state, identifier, _CONTENT):
            yield int.from_bytes(framed[:8], "little"), framed[8:]

    def write_record(self, item: Item) -> None:
        """Seal the record of an item on the way in: the last step before its file is removed."""
        text = item.to_json()
        parts = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
        self._seal(TAKING, item.identifier, _RECORD, parts)
        sync(self.root / TAKING)

    def is_complete(self, identifier: str) -> bool:
        """Whether an item on the way in has got its record."""
        return self.folder(TAKING, identifier).joinpath(_RECORD).exists()

    def item(self, identifier: str, state: str = ITEMS) -> Item:
        """Return an item; raises ``TrustError`` when its record is damaged."""
        item = Item.from_json(b"".join(self._unseal(state, identifier, _RECORD)))
        if item.identifier != identifier:
            raise TrustError("a record of the quarantine belongs to another item")
        return item

    def write_destination(self, identifier: str, destination: Destination) -> None:
        """Note where an item is being put back to."""
        path = destination.path.decode("utf-8", "surrogateescape")
        self._seal(RESTORING, identifier, _DESTINATION, [json.dumps([path, destination.inode]).encode()])

    def read_destination(self, identifier: str) -> Destination | None:
        """Return where an item was being put back to, None when that had not been noted yet."""
        try:
            path, inode = json.loads(b"".join(self._unseal(RESTORING, identifier, _DESTINATION)))
        except FileNotFoundError:
            return None
        return Destination(path.encode("utf-8", "surrogateescape"), inode)

    def forget_destination(self, identifier: str) -> None:
        """Undo ``write_destination``."""
        self.folder(RESTORING, identifier).joinpath(_DESTINATION).unlink(missing_ok=True)

    def stored_size(self, identifier: str) -> int:
        """Return what an item takes, in bytes."""
        return self.folder(ITEMS, identifier).joinpath(_CONTENT).stat().st_size

    def find(self, beginning: str) -> str:
        """Return the identifier that begins so; raises ``UsageError`` when there is none, or more than one."""
        if not _BEGINNING.fullmatch(beginning):
            raise UsageError(f"'{beginning}' is no identifier; 'freehold quarantine list' shows them")
        found = [identifier for identifier in self.identifiers(ITEMS) if identifier.startswith(beginning)]
        if len(found) == 1:
            return found[0]
        wrong = f"{len(found)} items begin with" if found else "nothing in the quarantine has the identifier"
        raise UsageError(f"{wrong} '{beginning}'; 'freehold quarantine list' shows what there is")

    def _open(self) -> int:
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            status = os.fstat(lock)
            if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
                os.close(lock)
                raise TrustError(f"{self.root} must belong to you and be closed to others (chmod 700) to be a vault")
            for state in (TAKING, ITEMS, RESTORING, TRASH):
                (self.root / state).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Refused(f"no quarantine can be kept in {self.root}: {words(error)}") from error
        return lock

    def _empty_trash(self) -> None:
        for identifier in self.identifiers(TRASH):
            shutil.rmtree(self.folder(TRASH, identifier), ignore_errors=True)

    def _seal(self, state: str, identifier: str, name: str, pieces: Iterable[bytes]) -> None:
        """Write a sealed file, which has its name only when it is complete and on the disk."""
        path = self.folder(state, identifier) / name
        aside = path.with_name(f".{name}")
        fd = os.open(aside, _WRITE, 0o600)
        try:
            sealing.seal(pieces, self._key(), f"{name} {identifier}", fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        aside.rename(path)
        sync(path.parent)

    def _unseal(self, state: str, identifier: str, name: str) -> Iterator[bytes]:
        fd = os.open(self.folder(state, identifier) / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield from sealing.unseal(fd, self._key(), f"{name} {identifier}")
        finally:
            os.close(fd)

    def _key(self) -> bytes:
        """Return the vault's key, made when there is none and nothing that would need another one."""
        if not self._loaded_key:
            path = self.root / _KEY
            if not path.exists():
                self._make_key(path)
            self._loaded_key = path.read_bytes()
            if len(self._loaded_key) != sealing.KEY:
                raise TrustError(f"{path} is damaged; without the right key nothing in this vault can be read")
        return self._loaded_key

    def _make_key(self, path: Path) -> None:
        if self.identifiers(ITEMS):
            raise TrustError(f"{path} is missing; without it nothing in this vault can be read. Put it back if you can")
        aside = path.with_name(".key")
        fd = os.open(aside, _WRITE, 0o600)
        try:
            os.write(fd, os.urandom(sealing.KEY))
            os.fsync(fd)
        finally:
            os.close(fd)
        aside.rename(path)
        sync(self.root)


def sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
