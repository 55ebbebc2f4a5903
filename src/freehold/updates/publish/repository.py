"""The folder of a repository: where everything lies, and reading and writing what is signed.

repo.json      settings of the publisher
public/        the tree that mirrors copy
staged/        the same tree, as far as it is new and not published yet
releases/      release.json of all releases that were seen, by number: what new segments are made of
gates/         results of gates, by state root
keys/          the log's key, and all others in a demonstration; never copied anywhere
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from freehold.model.errors import FreeholdError, MalformedInput, TrustError, UsageError
from freehold.updates import durable
from freehold.updates.content import releases
from freehold.updates.content.releases import Release
from freehold.updates.locks import exclusive

SETTINGS = "repo.json"
HEAD = "head"
ROOT, TARGETS, SNAPSHOT, TIMESTAMP = "root", "targets", "snapshot", "timestamp"

LIFETIMES = {ROOT: 365, TARGETS: 180, SNAPSHOT: 7, TIMESTAMP: 2}
"""Days for which metadata counts; that of the feed's role for ``FEED_LIFETIME``."""

FEED_LIFETIME = 14

RINGS = ((10, 0), (100, 3600), (1000, 14400))

_FEED = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_RESERVED = {ROOT, TARGETS, SNAPSHOT, TIMESTAMP, "policy"}
_SERIALIZER = JSONSerializer(compact=True)

Signed = Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a publisher has decided.

    Attributes:
        feed: name of the feed.
        demo: all keys were made at once and protect nothing.
        rings: of releases, unless one says otherwise, see ``Release``.
        lifetimes: of metadata, in days, by role.
        gate: whether the gate must have been passed before releases are signed.
    """

    feed: str
    demo: bool = False
    rings: tuple[tuple[int, int], ...] = RINGS
    lifetimes: dict[str, int] = field(default_factory=dict)
    gate: bool = True

    def lifetime(self, role: str) -> int:
        """Return for how many days metadata of a role counts."""
        return self.lifetimes.get(role, LIFETIMES.get(role, FEED_LIFETIME))


class Repository:
    """A repository in a folder that has been made."""

    def __init__(self, folder: Path) -> None:
        """Open it; raises ``UsageError`` when there is none."""
        self.folder = folder
        self.settings = _read_settings(folder / SETTINGS)
        self.public = folder / "public"
        self.staged = folder / "staged"

    @classmethod
    def create(cls, folder: Path, settings: Settings) -> "Repository":
        """Make a repository; raises ``UsageError`` when something but its keys is there already."""
        if not _is_feed(settings.feed):
            raise UsageError(f"'{settings.feed}' cannot be the name of a feed: lower-case letters, digits and '-'")
        try:
            if folder.exists() and {path.name for path in folder.iterdir()} - {"keys"}:
                raise UsageError(f"{folder} is not empty; choose another place for the repository")
            durable.write(folder / SETTINGS, releases.canonical(asdict(settings)) + b"\n")
        except OSError as error:
            raise UsageError(f"{folder}: {error.strerror}") from error
        return cls(folder)

    @property
    def feed(self) -> str:
        """Name of the feed, and of the role that signs its releases."""
        return self.settings.feed

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles, each before those that depend on it."""
        return ROOT, TARGETS, self.feed, SNAPSHOT, TIMESTAMP

    @property
    def log_folder(self) -> Path:
        """Where the log lies."""
        return self.public / "log"

    @property
    def log_key(self) -> Path:
        """Where the log's private key lies."""
        return self.folder / "keys" / "log.skey"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the repository; raises ``UsageError`` when one is at it."""
        with exclusive(self.folder, f"another process is working on {self.folder}; try again later"):
            try:
                yield
            except OSError as error:
                raise FreeholdError(f"{error.filename or self.folder}: {error.strerror}") from error

    # Metadata

    def published(self, role: str) -> Signed | None:
        """Return the newest published metadata of a role, None when there is none; raises ``TrustError``."""
        path = self.metadata_path(self.public, role)
        return None if path is None else _parse(path)

    def staged_metadata(self, role: str) -> Signed | None:
        """Return the staged metadata of a role, None when there is none; raises ``TrustError``."""
        path = self.metadata_path(self.staged, role)
        return None if path is None else _parse(path)

    def newest(self, role: str) -> Signed:
        """Return the staged metadata of a role, else the published one; raises ``UsageError`` without any."""
        found = self.staged_metadata(role) or self.published(role)
        if found is None:
            raise UsageError(f"{self.folder}: there is no {role} metadata; 'freehold repo init' makes it")
        return found

    def metadata_path(self, tree: Path, role: str) -> Path | None:
        """Return where the newest metadata of a role lies in a tree, None when there is none."""
        folder = tree / "metadata"
        if role == TIMESTAMP:
            path = folder / "timestamp.json"
            return path if path.is_file() else None
        versions = [
            int(name[: -len(f".{role}.json")])
            for name in ((path.name for path in folder.iterdir()) if folder.is_dir() else ())
            if re.fullmatch(rf"[1-9][0-9]{{0,8}}\.{re.escape(role)}\.json", name)
        ]
        return folder / f"{max(versions)}.{role}.json" if versions else None

    def stage(self, role: str, metadata: Signed) -> None:
        """Put metadata among what is staged, in place of what is staged for this role."""
        earlier = self.metadata_path(self.staged, role)
        name = "timestamp.json" if role == TIMESTAMP else f"{metadata.signed.version}.{role}.json"
        path = self.staged / "metadata" / name
        durable.write(path, to_bytes(metadata))
        if earlier is not None and earlier != path:
            earlier.unlink()

    def stage_anew(self, role: str, metadata: Signed) -> None:
        """Stage other metadata for a role that snapshot and timestamp depend on: what is staged of those goes."""
        self.stage(role, metadata)
        for dependent in (SNAPSHOT, TIMESTAMP):
            path = self.metadata_path(self.staged, dependent)
            if path is not None:
                path.unlink()

    def root(self) -> Metadata[Root]:
        """Return the newest root, staged or published."""
        return self.newest(ROOT)  # type: ignore[return-value]

    def targets(self) -> Metadata[Targets]:
        """Return the newest top-level targets, staged or published."""
        return self.newest(TARGETS)  # type: ignore[return-value]

    # Targets and inputs

    def target_path(self, tree: Path, name: str, target: TargetFile) -> Path:
        """Return where a target lies in a tree."""
        folder, _, base = name.rpartition("/")
        return tree / "targets" / folder / f"{target.hashes['sha256']}.{base}"

    def stage_target(self, name: str, data: bytes) -> TargetFile:
        """Put a target among what is staged."""
        target = TargetFile.from_data(name, data, ["sha256"])
        durable.write(self.target_path(self.staged, name, target), data)
        return target

    def read_target(self, name: str, target: TargetFile) -> bytes:
        """Return a target's content, staged or published; raises ``TrustError`` when it is missing or damaged."""
        for tree in (self.staged, self.public):
            path = self.target_path(tree, name, target)
            if path.is_file():
                data = path.read_bytes()
                if len(data) != target.length or hashlib.sha256(data).hexdigest() != target.hashes["sha256"]:
                    raise TrustError(f"{path} is damaged")
                return data
        raise TrustError(f"{self.folder}: the target {name} is missing")

    def input_path(self, sha256: str) -> Path:
        """Return where an input lies, staged or published; raises ``TrustError`` when it is missing."""
        for tree in (self.staged, self.public):
            path = tree / "inputs" / sha256
            if path.is_file():
                return path
        raise TrustError(f"{self.folder}: the input {sha256} is missing")

    # Releases

    def release_in(self, metadata: Metadata[Targets]) -> Release:
        """Return the release that metadata of the feed's role signs; raises ``TrustError``."""
        name = releases.release_target(self.feed)
        target = metadata.signed.targets.get(name)
        if target is None:
            raise TrustError(f"the metadata of {self.feed} has no {name}")
        release = releases.parse(self.read_target(name, target))
        if release.feed != self.feed:
            raise MalformedInput(f"the release is of the feed {release.feed}, not of {self.feed}")
        return release

    def current(self) -> Release | None:
        """Return the published release, None before the first one; raises ``TrustError``."""
        metadata = self.published(self.feed)
        if metadata is None and (self.public / HEAD).exists():
            raise TrustError(
                f"{self.public} has a head, and not the metadata that belongs to it; restore it from a mirror"
            )
        return None if metadata is None else self.release_in(metadata)  # type: ignore[arg-type]

    def remember(self, release: Release) -> None:
        """Keep a published release: later segments are made of its own, when its signers have other keys, too."""
        path = self.folder / "releases" / f"{release.seq}.json"
        if not path.is_file():
            durable.write(path, release.to_bytes())

    def remembered(self, seq: int) -> Release | None:
        """Return a release that ``remember`` has kept, None for others; raises ``MalformedInput``."""
        path = self.folder / "releases" / f"{seq}.json"
        return releases.parse(path.read_bytes()) if path.is_file() else None

    def discard(self) -> None:
        """Throw away what is staged."""
        if self.staged.is_dir():
            shutil.rmtree(self.staged)


def to_bytes(metadata: Signed) -> bytes:
    """Return the file of metadata: compact, signatures in the order of their keys."""
    metadata.signatures = dict(sorted(metadata.signatures.items()))
    return metadata.to_bytes(_SERIALIZER)


def payload(metadata: Signed) -> bytes:
    """Return what the signatures of metadata are over."""
    return bytes(metadata.signed_bytes)


def _parse(path: Path) -> Any:
    try:
        return Metadata.from_bytes(path.read_bytes())
    except (RepositoryError, ValueError) as error:
        raise TrustError(f"{path} is damaged") from error


def _is_feed(name: object) -> bool:
    return isinstance(name, str) and _FEED.fullmatch(name) is not None and name not in _RESERVED


def _read_settings(path: Path) -> Settings:
    try:
        value = json.loads(path.read_bytes())
        rings = tuple((int(share), int(seconds)) for share, seconds in value.pop("rings"))
        settings = Settings(rings=rings, **value)
    except FileNotFoundError as error:
        raise UsageError(f"{path.parent} is no repository; 'freehold repo init' makes one") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path} is damaged: {error}") from error
    if not _is_feed(settings.feed) or not isinstance(settings.lifetimes, dict):
        raise UsageError(f"{path} is damaged: it names no feed")
    return settings
