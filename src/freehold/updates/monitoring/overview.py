"""What a sceptical reader wants to see of a repository: who signs, what was released, who has witnessed it, its weight.

All of it is verified from a root of trust, as a client would.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tuf.api.metadata import Root, Snapshot, Targets

from freehold.updates.client.refusals import Malformed
from freehold.updates.client.transfer import Absent
from freehold.updates.content import heads, leaves, spans
from freehold.updates.content.releases import Part, Release
from freehold.updates.monitoring.repository import METADATA_BYTES, Repository
from freehold.updates.publish.keys import holder
from freehold.updates.tlog import tiles
from freehold.updates.tlog.merkle import CompactRange
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import NO_QUORUM, Policy

_RELEASES = 32
"""Releases that are listed at most."""

_ENTRIES = 128
"""Entries of the log that are looked at for them."""

_LAGS = (1, 4, 32)


@dataclass(frozen=True, slots=True)
class Signers:
    """Who signs for a role.

    Attributes:
        role: its name.
        version: of its metadata.
        threshold: how many must sign.
        holders: names of those who can.
        expires: until when what they signed counts, in seconds since 1970.
    """

    role: str
    version: int
    threshold: int
    holders: tuple[str, ...]
    expires: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A release that was logged.

    Attributes:
        entry: its place in the log.
        release: what was signed.
        change: how many entries it has more than the release listed before it; None for the first.
    """

    entry: int
    release: Release
    change: int | None


@dataclass(frozen=True, slots=True)
class Weight:
    """What something costs a client to fetch.

    Attributes:
        what: for people.
        requests: how many.
        bytes: of bodies, head included.
    """

    what: str
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness of the policy.

    Attributes:
        name: what the policy calls it.
        key: its verifier key.
        url: where it can be asked; "" when the policy does not say.
        time: when it has cosigned the head of the log, in seconds since 1970; None when it has not.
    """

    name: str
    key: str
    url: str
    time: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. Times are seconds since 1970, hashes hexadecimal digits, sizes bytes."""

    origin: str
    taken: int
    feed: str
    demo: bool
    root_version: int
    root_sha256: str
    signers: tuple[Signers, ...]
    release: Release
    releases: tuple[Listed, ...]
    log_origin: str
    log_size: int
    log_root: str
    witnesses: tuple[Cosigner, ...]
    quorum: str
    witnessed: int | None
    weights: tuple[Weight, ...]

    @property
    def signatures(self) -> int:
        """How many signatures the newest release has."""
        return sum(self.release.counts.values())


def take(repository: Repository) -> Overview:
    """Look at a repository.

    Raises:
        MalformedInput: its log is damaged.
        Refusal: a client would not follow it.
        TrustError: its log is not signed and witnessed as its policy wants.
    """
    repository.refresh()
    snapshot, targets, feed = repository.today()
    policy = repository.policy()
    seen = policy.verify(Note.parse(repository.read_log(tiles.CHECKPOINT) or b""))
    size = seen.checkpoint.size
    if CompactRange().extend(tiles.hashes(repository.read_log, 0, size, size)).root != seen.checkpoint.root:
        raise Malformed("the files of the log do not lead to its signed head")
    release = repository.release()
    version = repository.root.version
    root = repository.read(f"metadata/{version}.root.json", METADATA_BYTES)
    return Overview(
        origin=repository.origin.name,
        taken=int(time.time()),
        feed=repository.feed,
        demo=repository.is_demo,
        root_version=version,
        root_sha256=sha256(root).hexdigest(),
        signers=tuple(_signers(repository, snapshot, targets, feed)),
        release=release,
        releases=tuple(_releases(repository, size)),
        log_origin=seen.checkpoint.origin,
        log_size=size,
        log_root=seen.checkpoint.root.hex(),
        witnesses=tuple(
            Cosigner(name, str(party.key), party.url, seen.times.get(name)) for name, party in policy.witnesses.items()
        ),
        quorum=_quorum(policy),
        witnessed=seen.time,
        weights=tuple(_weights(release, feed, len(repository.read("head", heads.PACKED_BYTES)))),
    )


def _signers(repository: Repository, snapshot: Snapshot, targets: Targets, feed: Targets) -> Iterator[Signers]:
    root = repository.root
    delegations = targets.delegations
    for name, signed in (("root", root), ("targets", targets), (repository.feed, feed), ("snapshot", snapshot)):
        delegator: Root | Targets = targets if name == repository.feed and delegations else root
        role = delegator.get_delegated_role(name)
        holders = tuple(holder(keyid, delegator) for keyid in role.keyids)
        yield Signers(name, signed.version, role.threshold, holders, int(signed.expires.timestamp()))
    stamp = repository.timestamp
    role = root.get_delegated_role("timestamp")
    holders = tuple(holder(keyid, root) for keyid in role.keyids)
    yield Signers("timestamp", stamp.version, role.threshold, holders, int(stamp.expires.timestamp()))


def _releases(repository: Repository, size: int) -> list[Listed]:
    """Return the newest releases that were logged, the newest first; those whose files are gone are left out."""
    found: dict[int, Listed] = {}
    before: Release | None = None
    start = max(size - _ENTRIES, 0)
    for entry, text in enumerate(tiles.entries(repository.read_log, start, size, size), start):
        try:
            release, _ = repository.logged(leaves.parse(text))
        except Absent:
            continue
        if release.seq not in found:
            change = sum(release.counts.values()) - sum(before.counts.values()) if before else None
            found[release.seq] = Listed(entry, release, change)
            before = release
    return list(found.values())[: -_RELEASES - 1 : -1]


def _quorum(policy: Policy) -> str:
    if policy.quorum == NO_QUORUM:
        return "no witness is asked for"
    group = policy.groups.get(policy.quorum)
    return f"{group.threshold} of {len(group.members)}" if group else policy.quorum


def _weights(release: Release, feed: Targets, head: int) -> Iterator[Weight]:
    yield Weight("nothing new", 1, 0)
    for lag in _LAGS:
        if release.seq > lag:
            parts = spans.chosen(release, release.seq - lag)
            yield _weight(f"{lag} release{'s' * (lag > 1)} behind", release, parts, feed, head)
    yield _weight("first installation", release, spans.chosen(release, 0), feed, head)


def _weight(what: str, release: Release, parts: Sequence[Part], feed: Targets, head: int) -> Weight:
    try:
        total = sum(feed.targets[release.target(part)].length for part in parts)
    except KeyError as error:
        raise Malformed(f"a part of release {release.seq} is not among what is signed: {error}") from error
    return Weight(what, 1 + len(parts), head + total)
