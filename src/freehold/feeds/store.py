"""The feeds that a user has added: where they come from, the current copy of each, and how it was put there.

Each feed has a folder: ``feed.json`` says what it is and names the current snapshot, which lies beside it; ``bundle``
is what was compiled from it. A new snapshot is written completely before ``feed.json`` is replaced, in one step; so
there is always a whole one. All changes are made under one lock.
"""

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from freehold.feeds import snapshot
from freehold.feeds.registry import BY_NAME
from freehold.feeds.state import BUNDLE
from freehold.model.errors import FreeholdError, TrustError, UsageError
from freehold.model.rights import FOLLOWED, Right, chosen

_RECORD = "feed.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SNAPSHOT = "snapshot-"


@dataclass(frozen=True, slots=True)
class Installed:
    """A feed that was added.

    Attributes:
        name: what the user calls it.
        kind: of feed, see ``registry``.
        origin: folder or address.
        added: when, in ISO 8601, UTC.
        refreshed: when its origin was last asked with success.
        snapshot: name of the folder with the current copy.
        digest: of the current copy's content.
        compiled: digest of the content that ``bundle`` was made of; "" before the first time.
        unwanted: whether ClamAV's files for potentially unwanted programs are compiled, too.
    """

    name: str
    kind: str
    origin: str
    added: str
    refreshed: str
    snapshot: str
    digest: str
    compiled: str = ""
    unwanted: bool = False

    @property
    def is_compiled(self) -> bool:
        """Whether the bundle is of the current copy."""
        return self.compiled == self.digest


class Store:
    """The feeds below one folder. Reading needs no lock; whatever changes something must hold ``locked``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing feeds; raises ``UsageError`` when somebody else is at it."""
        try:
            self._root.mkdir(mode=0o755, parents=True, exist_ok=True)
            lock = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise UsageError(f"cannot keep feeds in {self._root}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise UsageError("another process is changing feeds at this moment; try again later") from error
        try:
            yield
        except OSError as error:  # a full or broken disk, whoever met it
            raise FreeholdError(f"{error.filename or self._root}: {error.strerror}") from error
        finally:
            os.close(lock)

    def feeds(self) -> list[Installed]:
        """Return all feeds, in order of their names; raises ``TrustError`` when a record is damaged."""
        records = sorted(self._root.glob(f"*/{_RECORD}"))
        return [_read(record) for record in records if _NAME.fullmatch(record.parent.name)]

    def followed(self) -> dict[str, Right]:
        """Return names and rights of feeds of signed releases, which ``freehold update`` keeps in the same place."""
        folders = sorted(record.parent for record in self._root.glob(f"*/{FOLLOWED}"))
        return {folder.name: chosen(folder) for folder in folders}

    def feed(self, name: str) -> Installed:
        """Return one feed; raises ``UsageError`` when there is none of this name."""
        if not _NAME.fullmatch(name) or not (record := self._root / name / _RECORD).is_file():
            known = ", ".join(feed.name for feed in self.feeds())
            raise UsageError(f"there is no feed '{name}'" + (f"; there is: {known}" if known else ""))
        return _read(record)

    def files(self, feed: Installed) -> list[Path]:
        """Return what the current copy consists of: files, and folders of them."""
        top = snapshot.folder(self._root / feed.name / feed.snapshot)
        return sorted(path for path in top.iterdir() if path.suffix != ".sign")

    def bundle(self, feed: Installed) -> Path:
        """Return where its compiled database belongs."""
        return self._root / feed.name / BUNDLE

    def add(self, name: str, kind: str, origin: str, *, unwanted: bool = False) -> Installed:
        """Add a feed and copy what it offers; raises ``FreeholdError``, and then nothing was added."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"'{name}': a feed's name has small letters, digits, - and _, and at most 63 of them")
        folder = self._root / name
        if (folder / _RECORD).exists() or name in self.followed():
            raise UsageError(f"there is a feed '{name}' already; to change it, remove it first")
        shutil.rmtree(folder, ignore_errors=True)  # an earlier attempt that was killed
        folder.mkdir(mode=0o755)
        try:
            now = _now()
            return self._refreshed(Installed(name, kind, origin, now, now, "", "", unwanted=unwanted))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def refresh(self, feed: Installed) -> Installed:
        """Copy what a feed offers now; raises ``FreeholdError``, and then everything is as it was."""
        return self._refreshed(feed)

    def mark_compiled(self, feed: Installed) -> Installed:
        """Note that ``bundle`` was made of the current copy."""
        return self._write(replace(feed, compiled=feed.digest))

    def remove(self, feed: Installed) -> None:
        """Remove a feed with everything that belongs to it."""
        aside = self._root / f".removed-{feed.name}"
        shutil.rmtree(aside, ignore_errors=True)
        (self._root / feed.name).rename(aside)
        shutil.rmtree(aside)

    def _refreshed(self, feed: Installed) -> Installed:
        folder = self._root / feed.name
        self._remove_snapshots(feed)
        previous = folder / feed.snapshot if feed.snapshot else None
        fresh = Path(tempfile.mkdtemp(prefix=_SNAPSHOT, dir=folder))
        try:
            fresh.chmod(0o755)
            BY_NAME[feed.kind].refresh(feed.origin, previous, fresh)
            digest = snapshot.digest(snapshot.index(fresh))
            new = self._write(replace(feed, refreshed=_now(), snapshot=fresh.name, digest=digest))
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        self._remove_snapshots(new)
        return new

    def _remove_snapshots(self, feed: Installed) -> None:
        """Remove copies that are not the current one: old ones, and what a killed refresh left behind."""
        for folder in (self._root / feed.name).glob(f"{_SNAPSHOT}*"):
            if folder.name != feed.snapshot:
                shutil.rmtree(folder, ignore_errors=True)

    def _write(self, feed: Installed) -> Installed:
        folder = self._root / feed.name
        aside = folder / f".{_RECORD}"
        with aside.open("w", encoding="utf-8") as file:
            json.dump(asdict(feed), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(folder / _RECORD)
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        return feed


def _read(record: Path) -> Installed:
    try:
        feed = Installed(**json.loads(record.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise TrustError(f"{record} is damaged; remove its folder and add the feed again") from error
    is_sound = feed.name == record.parent.name and feed.kind in BY_NAME and feed.snapshot.startswith(_SNAPSHOT)
    if not is_sound or os.sep in feed.snapshot:
        raise TrustError(f"{record} is damaged; remove its folder and add the feed again")
    return feed


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
