"""What one origin offers, verified in every way before anything large is fetched."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from freehold.model.errors import MalformedInput
from freehold.updates.client import ledger
from freehold.updates.client.fetcher import Fetcher
from freehold.updates.client.origins import Origin
from freehold.updates.client.refusals import (
    Bomb,
    Damaged,
    Malformed,
    MixAndMatch,
    NoRoom,
    Rollback,
    SplitView,
    Unlogged,
)
from freehold.updates.client.store import Settings, State, Store
from freehold.updates.client.transfer import Absent
from freehold.updates.client.trust import Trust, undone_when_refused
from freehold.updates.content import heads, releases
from freehold.updates.content.releases import Release
from freehold.updates.content.segments import TooLarge
from freehold.updates.tlog.policies import Policy, Seen
from freehold.updates.tlog.tiles import LARGEST_TILE

HEAD = "head"
ROOT_VERSION = "root-version"

CONDITIONAL_SECONDS = 12 * 3600
"""How long a mirror may answer that nothing is new, before it must show its head again."""

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that is genuine, public, and not older than what was seen.

    Attributes:
        origin: who offered it.
        release: what is signed of it.
        state: what is seen with it.
        seen: which witnesses vouch for that, and when.
        trust: verifies its files.
        size: bytes of its head.
    """

    origin: Origin
    release: Release
    state: State
    seen: Seen
    trust: Trust
    size: int


def examine(store: Store, settings: Settings, state: State, origin: Origin, *, conditional: bool) -> Offer | None:
    """Return what an origin offers, None when its head is the one that was seen last.

    Args:
        store: of the feed.
        settings: of the feed.
        state: what was seen before.
        origin: who is asked.
        conditional: whether the answer may be that nothing is new.

    Raises:
        Refusal: it is not acceptable.
    """
    packed = _head(origin, state.since if conditional else 0)
    if packed is None:
        return None
    members = _members(packed)
    trust = Trust(store.trust, _fetcher(origin, members), _reference(state, members, carried=not origin.remote))
    with undone_when_refused(store.trust):
        trust.refresh()
        release = _release(trust, settings, members)
        if release.seq < state.seq:
            raise Rollback(f"{origin.name} offers release {release.seq}; this machine has seen {state.seq}")
        claim = ledger.claim(settings.feed, members, trust.role("root"), trust.role("snapshot"))
        state, seen = _logged(store, claim, policy(store, settings, trust), state, origin)
        ledger.check_age(seen, state, carried=not origin.remote)
    return Offer(origin, release, state, seen, trust, len(packed))


def seen_since(release: Release, seen: Seen) -> int:
    """Return the time that a publisher gives the ``head`` with this release; it tells no client from another."""
    return max(release.published, *seen.times.values(), 0)


def is_recent(state: State) -> bool:
    """Whether a mirror may still be asked for changes only."""
    return state.since > 0 and 0 <= time.time() - state.heard < CONDITIONAL_SECONDS


def _head(origin: Origin, since: int) -> bytes | None:
    from email.utils import formatdate

    pieces = origin.open(HEAD, heads.PACKED_BYTES, since=formatdate(since, usegmt=True) if since else "")
    return None if pieces is None else b"".join(pieces)


def _members(packed: bytes) -> dict[str, bytes]:
    try:
        return heads.decode(packed)
    except TooLarge as error:
        raise Bomb(f"the head: {error}") from error
    except MalformedInput as error:
        raise Malformed(f"the head: {error}") from error


def _fetcher(origin: Origin, members: Mapping[str, bytes]) -> Fetcher:
    version = members.get(ROOT_VERSION, b"")
    newest = int(version) if version.isdigit() and len(version) <= _DIGITS else None
    return Fetcher(origin, {f"metadata/{name}": data for name, data in members.items()}, newest)


def _reference(state: State, members: Mapping[str, bytes], *, carried: bool) -> int:
    """Return the time that expiry is compared with: the clock's, but never before what witnesses have vouched for.

    What is carried to a machine without a network is compared with the time that its witnesses name, which is verified
    with all the rest; how old that may be is another limit.
    """
    claimed = ledger.claimed_time(members) if carried else 0
    return max(state.best_time, claimed or int(time.time()))


def _release(trust: Trust, settings: Settings, members: Mapping[str, bytes]) -> Release:
    data = members.get(heads.RELEASE, b"")
    target = trust.target(releases.release_target(settings.feed))
    if target is None:
        raise MixAndMatch(f"nothing is signed of a feed '{settings.feed}' here")
    try:
        trust.verify(target, data)
        release = releases.parse(data)
    except Damaged as error:
        raise MixAndMatch(f"the head has a release.json that does not belong to its metadata: {error}") from error
    except MalformedInput as error:
        raise Malformed(f"{error}") from error
    if release.feed != settings.feed:
        raise MixAndMatch(f"the release is of the feed '{release.feed}', not of '{settings.feed}'")
    return release


def _logged(store: Store, claim: ledger.Claim, believed: Policy, state: State, origin: Origin) -> tuple[State, Seen]:
    """Find the release in the log; a split view is kept as evidence."""

    def read(path: str) -> bytes | None:
        try:
            return b"".join(origin.open(f"log/{path}", LARGEST_TILE) or ())
        except Absent:
            return None

    try:
        return ledger.verify(claim, believed, state, read)
    except SplitView as error:
        stamp = f"{int(time.time())}"
        store.keep_evidence(f"{stamp}.seen-before", state.checkpoint.encode())
        place = store.keep_evidence(f"{stamp}.offered", claim.proof.checkpoint.encode())
        raise SplitView(f"{error}. The proof of that, both signed checkpoints, is kept in {place.parent}") from error


def policy(store: Store, settings: Settings, trust: Trust) -> Policy:
    """Return which log and witnesses count, as the offline keys have signed; raises ``Refusal``."""
    content = signed_file(store, trust, f"policy/{settings.feed}.tlog-policy")
    if content is None:
        raise Unlogged("the feed does not say which log its releases are in")
    try:
        return Policy.parse(content)
    except MalformedInput as error:
        raise Malformed(f"{error}") from error


def signed_file(store: Store, trust: Trust, name: str) -> bytes | None:
    """Return a small target, from the last time or from the origin; None when nothing of the name is signed."""
    target = trust.target(name)
    if target is None:
        return None
    path = store.folder / Path(name).name
    if not trust.has(target, path):
        trust.download(target, path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoRoom(f"{path}: {error.strerror}") from error
