"""TUF: whose signatures count, and what they signed.

python-tuf's client does it, below our fetcher. What it keeps lies in a folder of its own; losing that loses no
protection, as ``state`` remembers what was seen too. Specification: https://theupdateframework.github.io/specification/
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.ngclient import Updater

from freehold.model.errors import UsageError
from freehold.updates import durable
from freehold.updates.client.fetcher import BASE, Fetcher
from freehold.updates.client.refusals import (
    BadSignature,
    Damaged,
    EndlessData,
    Expired,
    Malformed,
    MixAndMatch,
    NoRoom,
    Refusal,
    Rollback,
    Unreachable,
)

_FEED = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)

PINNED = "pinned"
"""Name of the file with the root of trust that the user has chosen. Everything is derived from it."""


class Role(NamedTuple):
    """Metadata that was verified: its version and the SHA-256 of its file."""

    version: int
    sha256: str


class About(NamedTuple):
    """What a root of trust says of itself: the name of its feed, and whether its keys are those of a demonstration."""

    feed: str
    demo: bool


def described(root: bytes) -> About:
    """Read what a root of trust says of itself; raises ``UsageError`` when it is none of a feed."""
    try:
        about = Metadata[Root].from_bytes(root).signed.unrecognized_fields["freehold"]
        feed = about["feed"]
        if not isinstance(feed, str) or not _FEED.fullmatch(feed):
            raise UsageError("the root of trust names no feed of Freehold's")
        return About(feed, about.get("demo") is True)
    except (exceptions.RepositoryError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"this is no root of trust of a feed of Freehold's: {error}") from error


def pin(folder: Path, root: bytes) -> None:
    """Choose a root of trust: from now on, everything is what its keys say.

    Raises:
        UsageError: it is no root of trust.
        NoRoom: it cannot be kept.
    """
    try:
        Metadata[Root].from_bytes(root)
    except exceptions.RepositoryError as error:
        raise UsageError(f"this is no root of trust in TUF's format: {error}") from error
    try:
        durable.write(folder / PINNED, root)
    except OSError as error:
        raise NoRoom(f"cannot keep a root of trust in {folder}: {error.strerror}") from error


@contextmanager
def undone_when_refused(folder: Path) -> Iterator[None]:
    """Put metadata back as it was where what comes with it is refused afterwards.

    TUF's client keeps what is well signed. A release that is signed and in no log would so make every honest origin
    look like one that goes back, until that had overtaken it. New roots stay: only the holders of its keys make one.
    """
    before = {path: path.read_bytes() for path in _renewed(folder)}
    try:
        yield
    except Refusal:
        for path in _renewed(folder):
            if path not in before:
                path.unlink()
            elif path.read_bytes() != before[path]:
                durable.write(path, before[path])
        raise


def _renewed(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.json") if path.name not in {PINNED, "root.json"}]


class Trust:
    """What a feed's keys have signed, as far as one origin shows it.

    Args:
        folder: where metadata is kept.
        fetcher: what brings it.
        reference: the time that expiry is compared with, in seconds since 1970; by default this machine's clock.

    Raises:
        Refusal: the pinned root is not signed by itself, or the like.
    """

    def __init__(self, folder: Path, fetcher: Fetcher, reference: int | None = None) -> None:
        self._folder = folder
        self._fetcher = fetcher
        try:
            pinned = (folder / PINNED).read_bytes()
            self._updater = Updater(
                str(folder), f"{BASE}metadata/", None, f"{BASE}targets/", fetcher=fetcher, bootstrap=pinned
            )
        except OSError as error:
            raise NoRoom(f"{folder}: {error.strerror}") from error
        except exceptions.RepositoryError as error:
            raise _refusal(error) from error
        if reference is not None:
            # TUF's client offers no other way to say what time it is.
            self._updater._trusted_set.reference_time = datetime.fromtimestamp(reference, UTC)  # noqa: SLF001

    def refresh(self) -> None:
        """Bring metadata up to date; raises ``Refusal``."""
        with self._translated():
            self._updater.refresh()
            durable.sync_tree(self._folder)

    def target(self, path: str) -> TargetFile | None:
        """Return what is signed of a target, None when there is nothing; raises ``Refusal``."""
        with self._translated():
            found = self._updater.get_targetinfo(path)
            durable.sync_tree(self._folder)
        return found

    def download(self, target: TargetFile, destination: Path) -> None:
        """Bring a target and verify it; raises ``Refusal``, and then there is no such file."""
        with self._translated():
            self._updater.download_target(target, str(destination))
            durable.sync_tree(destination.parent)

    def path(self, target: TargetFile) -> str:
        """Return where a target lies in the tree of a feed: TUF puts its hash before its name."""
        folder, _, name = target.path.rpartition("/")
        return f"targets/{folder}/{next(iter(target.hashes.values()))}.{name}"

    def verify(self, target: TargetFile, content: bytes) -> None:
        """Raise ``Damaged`` unless this is the content that is signed of a target."""
        try:
            target.verify_length_and_hashes(content)
        except exceptions.LengthOrHashMismatchError as error:
            raise Damaged(f"{target.path} is not what is signed: {error}") from error

    def has(self, target: TargetFile, path: Path) -> bool:
        """Whether a file is what is signed of a target."""
        return self._updater.find_cached_target(target, str(path)) is not None

    def role(self, name: str) -> Role:
        """Return which version of a role's metadata is trusted; raises ``Refusal`` when there is none."""
        with self._translated():
            content = (self._folder / f"{name}.json").read_bytes()
            return Role(Metadata.from_bytes(content).signed.version, hashlib.sha256(content).hexdigest())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in our words what TUF's client refuses."""
        try:
            yield
        except exceptions.DownloadError as error:
            raise self._fetcher.refused or _download(error) from error
        except exceptions.RepositoryError as error:
            raise _refusal(error) from error
        except OSError as error:
            raise NoRoom(f"{self._folder}: {error.strerror}") from error


def _download(error: exceptions.DownloadError) -> Refusal:
    kind = EndlessData if isinstance(error, exceptions.DownloadLengthMismatchError) else Unreachable
    return kind(str(error))


def _refusal(error: exceptions.RepositoryError) -> Refusal:
    text = f"{error}"
    match error:
        case exceptions.ExpiredMetadataError():
            return Expired(f"{text}: nobody has renewed it; if this machine's clock is right, newer ones are withheld")
        case exceptions.UnsignedMetadataError():
            return BadSignature(text)
        case exceptions.BadVersionNumberError():
            is_older = ">=" in text or text.startswith("Expected root")
            return (Rollback if is_older else MixAndMatch)(text)
        case exceptions.LengthOrHashMismatchError():
            return MixAndMatch(text)
    return Malformed(text)
