"""Re-rooting: an organisation signs somebody else's release with its own keys, so that its clients need nobody else.

The signatures, the state root and the segments stay the same; who may sign, the log, the witnesses, the time and the
rings are the organisation's own. Upstream's release is verified first as a client does: TUF from a pinned root, and the
public log.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.metadata import TargetFile

from freehold.model.errors import FreeholdError, MalformedInput, TrustError, UsageError
from freehold.updates.client import trust as trusting
from freehold.updates.client.fetcher import Fetcher
from freehold.updates.client.origins import Origin
from freehold.updates.client.trust import Trust
from freehold.updates.content import heads, releases, segments
from freehold.updates.content.leaves import Leaf
from freehold.updates.content.releases import Part, Release
from freehold.updates.content.spans import chosen
from freehold.updates.content.states import State
from freehold.updates.publish.building import stage_feed
from freehold.updates.publish.checking import NotTheSame, ask_gate
from freehold.updates.publish.repository import HEAD, Repository
from freehold.updates.tlog.merkle import leaf_hash
from freehold.updates.tlog.policies import Policy
from freehold.updates.tlog.proofs import Proof

_ROOT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Upstream:
    """A release of another repository that was verified.

    Attributes:
        release: what is signed of it there.
        files: of its parts, as they are packed there, by number of the part: the base, then the segments.
        contents: of its parts, unpacked, in the same order.
    """

    release: Release
    files: Sequence[bytes]
    contents: Sequence[bytes]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The base, then the segments."""
        return (self.release.base, *self.release.segments)


def pinned_root(origin: Origin, sha256: str) -> bytes:
    """Return the newest root of a repository when it has this hash; raises ``TrustError`` when it has another."""
    version = _members(origin).get("root-version", b"").decode("ascii", "replace")
    if not version.isdecimal():
        raise TrustError(f"{origin.name}: the head names no root")
    root = b"".join(origin.open(f"metadata/{int(version[:9])}.root.json", _ROOT_BYTES) or ())
    if hashlib.sha256(root).hexdigest() != sha256.lower():
        raise TrustError(f"{origin.name}: the root has the SHA-256 {hashlib.sha256(root).hexdigest()}, not {sha256}")
    return root


def verified(origin: Origin, root: bytes, scratch: Path, *, abandoned: bool = False) -> Upstream:
    """Verify the newest release of another repository, and bring its files.

    Args:
        origin: where its public tree is.
        root: whom to believe there.
        scratch: an empty folder.
        abandoned: nobody renews it any more, so it may have expired; whether it is the last release, nothing says.

    Raises:
        Refusal: the origin does not answer, or what it offers is not genuine.
        TrustError: the release is not in the public log, or its files do not lead to its state root.
    """
    members = _members(origin)
    trusting.pin(scratch, root)
    newest = members.get("root-version", b"")
    fetcher = Fetcher(
        origin,
        {f"metadata/{name}": data for name, data in members.items()},
        int(newest) if newest.isdigit() and len(newest) < 10 else None,
    )
    trust = Trust(scratch, fetcher, 0 if abandoned else int(time.time()))
    trust.refresh()
    feed = trusting.described(root).feed
    release = releases.parse(_target(trust, origin, releases.release_target(feed)))
    _check_logged(trust, members, feed, Policy.parse(_target(trust, origin, f"policy/{feed}.tlog-policy")))
    files = [_target(trust, origin, release.target(part)) for part in (release.base, *release.segments)]
    contents = [
        _content(release, part, file) for part, file in zip((release.base, *release.segments), files, strict=True)
    ]
    upstream = Upstream(release, files, contents)
    _check_state(upstream)
    return upstream


def resign(repository: Repository, upstream: Upstream, published: int, rings: tuple[tuple[int, int], ...]) -> Release:
    """Stage upstream's release as one of one's own, unsigned.

    Raises:
        UsageError: the own repository has this release already, or a newer one.
    """
    current = repository.current()
    if current is not None and current.seq >= upstream.release.seq:
        raise UsageError(
            f"release {current.seq} is published here; upstream has {upstream.release.seq}: nothing is new"
        )
    release = own_release(repository, upstream, published, rings)
    targets = {
        release.target(part): repository.stage_target(release.target(part), file)
        for part, file in zip((release.base, *release.segments), upstream.files, strict=True)
    }
    name = releases.release_target(repository.feed)
    targets[name] = repository.stage_target(name, release.to_bytes())
    stage_feed(repository, targets, datetime.fromtimestamp(published, UTC))
    return release


def own_release(
    repository: Repository, upstream: Upstream, published: int, rings: tuple[tuple[int, int], ...]
) -> Release:
    """Return upstream's release under one's own name, time and rings."""
    release = replace(upstream.release, feed=repository.feed, published=published, rings=rings)
    return releases.parse(release.to_bytes())


def check_resigned(repository: Repository, upstream: Upstream, *, gate: bool) -> Release:
    """Compare what is staged with upstream's release, which was verified on this machine; returns it.

    Raises:
        NotTheSame: it is something else.
        UsageError: nothing is staged, or the gate was not asked or says no.
    """
    metadata = repository.staged_metadata(repository.feed)
    if metadata is None:
        raise UsageError(f"nothing of {repository.feed} is staged")
    staged = repository.release_in(metadata)  # type: ignore[arg-type]
    if staged != own_release(repository, upstream, staged.published, staged.rings):
        raise NotTheSame(f"what is staged is not upstream's release {upstream.release.seq}; its state root is another")
    targets: dict[str, TargetFile] = metadata.signed.targets  # type: ignore[union-attr]
    parts = (staged.base, *staged.segments)
    if targets.keys() != {releases.release_target(repository.feed), *map(staged.target, parts)}:
        raise NotTheSame(f"the metadata of {repository.feed} names other files than upstream's release has")
    for part, content in zip(parts, upstream.contents, strict=True):
        name = staged.target(part)
        if _content(staged, part, repository.read_target(name, targets[name])) != content:
            raise NotTheSame(f"{name} has other content than upstream's")
    if gate:
        ask_gate(repository, staged)
    return staged


def _members(origin: Origin) -> dict[str, bytes]:
    return heads.decode(b"".join(origin.open(HEAD, heads.PACKED_BYTES) or ()))


def _target(trust: Trust, origin: Origin, name: str) -> bytes:
    target = trust.target(name)
    if target is None:
        raise TrustError(f"{origin.name}: nothing is signed of {name}")
    data = b"".join(origin.open(trust.path(target), target.length) or ())
    trust.verify(target, data)
    return data


def _check_logged(trust: Trust, members: dict[str, bytes], feed: str, policy: Policy) -> None:
    root, snapshot = trust.role("root"), trust.role("snapshot")
    leaf = Leaf(feed, root.version, root.sha256, snapshot.version, snapshot.sha256)
    Proof.parse(members.get(heads.PROOF, b"")).verify(leaf_hash(leaf.to_bytes()), policy)


def _content(release: Release, part: Part, file: bytes) -> bytes:
    try:
        content = segments.unpack(file, part.bytes)
    except MalformedInput as error:
        raise NotTheSame(f"{release.target(part)}: {error}") from error
    if segments.digest(content) != part.content:
        raise NotTheSame(f"{release.target(part)} has other content than release {release.seq} says")
    return content


def _check_state(upstream: Upstream) -> None:
    contents = dict(zip(upstream.parts, upstream.contents, strict=True))
    state = State()
    try:
        for part in chosen(upstream.release, 0):
            state = state.after(segments.decode(contents[part]))
    except FreeholdError as error:
        raise TrustError(f"the segments of release {upstream.release.seq} are damaged: {error}") from error
    if state.root().hex() != upstream.release.state:
        raise TrustError(f"the files of release {upstream.release.seq} do not lead to its state root")
