"""What an origin serves, verified from a root of trust: metadata of today, and of every entry that was ever logged."""

import hashlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Self, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from freehold.model.errors import MalformedInput, UsageError
from freehold.updates import durable
from freehold.updates.client.fetcher import Fetcher
from freehold.updates.client.origins import Origin
from freehold.updates.client.refusals import BadSignature, Damaged, Malformed, MixAndMatch
from freehold.updates.client.transfer import Absent
from freehold.updates.client.trust import PINNED, Trust, pin
from freehold.updates.content import releases
from freehold.updates.content.leaves import Leaf
from freehold.updates.content.releases import Release
from freehold.updates.tlog import policies, tiles
from freehold.updates.tlog.policies import Policy

METADATA_BYTES = 8 << 20
LOG = "log/"

_T = TypeVar("_T", Root, Snapshot, Targets, Timestamp)


class Repository:
    """A repository as one origin serves it; to be closed.

    What is verified becomes part of the memory only by ``keep``: who finds that a log was rewritten must not have taken
    the metadata of that history for the newest.

    Args:
        origin: gives its files; is never trusted.
        memory: folder where verified metadata is kept from one time to the next; None for no memory.
        root: metadata of the root that is trusted; needed where nothing is kept yet.

    Raises:
        Refusal: the pinned root is not signed by itself, or the like.
        UsageError: ``root`` is no root of trust, or another one than is kept.
    """

    def __init__(self, origin: Origin, memory: Path | None, root: bytes | None = None) -> None:
        self.origin = origin
        self._memory = memory
        self._work = tempfile.TemporaryDirectory(prefix="freehold-")
        self._folder = Path(self._work.name, "trust")
        try:
            self._begin(root)
            self._trust = Trust(self._folder, Fetcher(origin), int(time.time()))
        except BaseException:
            self._work.cleanup()
            raise
        first = _parsed(Root, (self._folder / PINNED).read_bytes(), PINNED)
        self._roots = {first.signed.version: first}

    def _begin(self, root: bytes | None) -> None:
        """Take up what is kept, or begin with a root."""
        memory = self._memory
        if memory and not memory.exists() and (old := _beside(memory, "old")).is_dir():
            old.rename(memory)  # ``keep`` was killed between its two renames
        if memory and (memory / PINNED).is_file():
            if root is not None and root != (memory / PINNED).read_bytes():
                raise UsageError(f"another root of trust is kept in {memory}; use another folder for this one")
            shutil.copytree(memory, self._folder, symlinks=True)
        elif root is not None:
            pin(self._folder, root)
        else:
            raise UsageError("a root of trust must be named the first time")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def keep(self) -> None:
        """Remember what was verified, so that nothing older is taken later; raises ``OSError``."""
        if self._memory is None:
            return
        new, old = _beside(self._memory, "new"), _beside(self._memory, "old")
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(self._folder, new, symlinks=True)
        durable.sync_tree(new)
        if self._memory.exists():
            self._memory.rename(old)
        new.rename(self._memory)
        durable.sync_folder(self._memory.parent)
        shutil.rmtree(old, ignore_errors=True)

    def refresh(self) -> None:
        """Bring metadata up to date, as a client would; raises ``Refusal``."""
        self._trust = Trust(self._folder, Fetcher(self.origin), int(time.time()))  # each looks once
        self._trust.refresh()

    @property
    def root(self) -> Root:
        """The newest root of trust."""
        return self._kept(Root, "root").signed

    @property
    def feed(self) -> str:
        """What the publisher calls its feed; raises ``Malformed``."""
        try:
            return str(self.root.unrecognized_fields["freehold"]["feed"])
        except (KeyError, TypeError) as error:
            raise Malformed("the root of trust names no feed: this is no repository of Freehold's") from error

    @property
    def is_demo(self) -> bool:
        """Whether its keys protect nothing, as its root says itself."""
        marks = self.root.unrecognized_fields.get("freehold")
        return bool(marks.get("demo")) if isinstance(marks, dict) else False

    def today(self) -> tuple[Snapshot, Targets, Targets]:
        """Return the metadata of snapshot, targets and feed that clients use today; raises ``Refusal``."""
        self._trust.target(releases.release_target(self.feed))
        feed = self._kept(Targets, self.feed).signed
        return self._kept(Snapshot, "snapshot").signed, self._kept(Targets, "targets").signed, feed

    @property
    def timestamp(self) -> Timestamp:
        """The newest timestamp."""
        return self._kept(Timestamp, "timestamp").signed

    def release(self) -> Release:
        """Return the release that clients are offered today; raises ``Refusal``."""
        return self._release(self.feed, self.today()[2])

    def policy(self) -> Policy:
        """Return whom clients believe about the log; raises ``Refusal``."""
        name = f"policy/{self.feed}.tlog-policy"
        target = self._trust.target(name)
        if target is None or target.length > policies.LARGEST:
            raise Malformed(f"there is no target {name} of at most {policies.LARGEST:,} bytes")
        destination = self._folder / "tlog-policy"
        self._trust.download(target, destination)
        try:
            return Policy.parse(destination.read_bytes())
        except MalformedInput as error:
            raise Malformed(f"{name}: {error}") from error

    def read(self, path: str, limit: int) -> bytes:
        """Return a file as it is served; raises ``Refusal``."""
        return b"".join(self.origin.open(path, limit) or ())

    def read_log(self, path: str) -> bytes | None:
        """Return a file of the log, or None where there is none; raises ``Refusal``."""
        try:
            return self.read(LOG + path, tiles.LARGEST_BUNDLE)
        except Absent:
            return None

    def hashed(self, path: str, sha256: str, limit: int) -> bytes:
        """Return a file with this hash; raises ``Damaged`` when it has another, or ``Refusal``."""
        data = self.read(path, limit)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Damaged(f"{path} is not the file that was signed or logged")
        return data

    def logged(self, leaf: Leaf) -> tuple[Release, Targets]:
        """Return the release of an entry of the log, with the metadata that lists its files.

        Raises:
            BadSignature: too few keys have signed some of it.
            Refusal: some of it is missing, damaged, or not what it should be.
        """
        root = self._root(leaf)
        snapshot = self._role(Snapshot, "snapshot", leaf.snapshot, leaf.snapshot_sha256, root)
        targets = self._listed("targets", snapshot.signed, root)
        feed = self._listed(leaf.feed, snapshot.signed, targets).signed
        return self._release(leaf.feed, feed), feed

    def _release(self, feed: str, listed: Targets) -> Release:
        name = releases.release_target(feed)
        target = listed.targets.get(name)
        if target is None:
            raise Malformed(f"there is no {name} among what is signed")
        digest = target.hashes["sha256"]
        data = self.hashed(f"targets/{feed}/{digest}.release.json", digest, releases.RELEASE_BYTES)
        try:
            return releases.parse(data)
        except MalformedInput as error:
            raise Malformed(str(error)) from error

    def _root(self, leaf: Leaf) -> Metadata[Root]:
        """Return the root that an entry names, trusted because the one before it and itself have signed it."""
        if leaf.root < min(self._roots):
            raise Absent(f"root {leaf.root} is older than the root that is trusted here", 404)
        for version in range(max(self._roots) + 1, leaf.root + 1):
            path = f"metadata/{version}.root.json"
            root = _parsed(Root, self.read(path, METADATA_BYTES), path)
            _verify(self._roots[version - 1], "root", root)
            _verify(root, "root", root)
            if root.signed.version != version:
                raise MixAndMatch(f"{path} is version {root.signed.version}")
            self._roots[version] = root
        self.hashed(f"metadata/{leaf.root}.root.json", leaf.root_sha256, METADATA_BYTES)
        return self._roots[leaf.root]

    def _listed(
        self, role: str, snapshot: Snapshot, delegator: Metadata[Root] | Metadata[Targets]
    ) -> Metadata[Targets]:
        """Return targets metadata that a snapshot lists with its hash."""
        meta = snapshot.meta.get(f"{role}.json")
        if meta is None or not meta.hashes:
            raise Malformed(f"the snapshot {snapshot.version} does not list {role}.json with its hash")
        return self._role(Targets, role, meta.version, meta.hashes["sha256"], delegator)

    def _role(
        self, kind: type[_T], role: str, version: int, sha256: str, delegator: Metadata[Root] | Metadata[Targets]
    ) -> Metadata[_T]:
        path = f"metadata/{version}.{role}.json"
        metadata = _parsed(kind, self.hashed(path, sha256, METADATA_BYTES), path)
        _verify(delegator, role, metadata)
        if metadata.signed.version != version:
            raise MixAndMatch(f"{path} is version {metadata.signed.version}")
        return metadata

    def _kept(self, kind: type[_T], role: str) -> Metadata[_T]:
        """Return metadata that was verified already."""
        return _parsed(kind, (self._folder / f"{role}.json").read_bytes(), role)


def _beside(folder: Path, word: str) -> Path:
    return folder.with_name(f".{folder.name}.{word}")


def _parsed(kind: type[_T], data: bytes, path: str) -> Metadata[_T]:
    try:
        metadata = Metadata[_T].from_bytes(data)
    except RepositoryError as error:
        raise Malformed(f"{path}: {error}") from error
    if not isinstance(metadata.signed, kind):
        raise Malformed(f"{path} is {metadata.signed.type} metadata")
    return metadata


def _verify(delegator: Metadata[Root] | Metadata[Targets], role: str, metadata: Metadata[_T]) -> None:
    try:
        delegator.signed.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise BadSignature(f"{role} version {metadata.signed.version}: {error}") from error
