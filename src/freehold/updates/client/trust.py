"""TUF: whose signatures count, and what they signed.

python-tuf's client does it, below our fetcher. What it keeps lies in a folder of its own; losing that loses no
protection, as ``state`` remembers what was seen too. Specification: https://theupdateframework.github.io/specification/
"""

import hashlib
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
    EndlessData,
    Expired,
    Malformed,
    MixAndMatch,
    NoRoom,
    Refusal,
    Rollback,
    Unreachable,
)

PINNED = "pinned"
"""Name of the file with the root of trust that the user has chosen. Everything is derived from it."""


class Role(NamedTuple):
    """Metadata that was verified: its version and the SHA-256 of its file."""

    version: int
    sha256: str


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


class Trust:
    """What a feed's keys have signed, as far as one origin shows it.

    Args:
        folder: where metadata is kept.
        fetcher: what brings it.
        not_before: the time is known to be at least this, whatever the clock says.

    Raises:
        Refusal: the pinned root is not signed by itself, or the like.
    """

    def __init__(self, folder: Path, fetcher: Fetcher, not_before: datetime | None = None) -> None:
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
        if not_before is not None:
            # TUF's client offers no other way to say what time it is.
            trusted = self._updater._trusted_set  # noqa: SLF001
            trusted.reference_time = max(not_before, datetime.now(UTC))

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
