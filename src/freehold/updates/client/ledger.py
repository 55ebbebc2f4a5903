"""The public log: whether a release stands in it, whether it only ever grew, and who has seen that.

The log is known by a compact range: size and a few hashes. Appending the leaves that are new and comparing with the
signed root proves at once that nothing was changed and that all of them are in it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.client.refusals import (
    BadSignature,
    Malformed,
    MixAndMatch,
    NoQuorum,
    Rollback,
    SplitView,
    Stale,
    Unlogged,
)
from freehold.updates.client.store import State
from freehold.updates.client.trust import Role
from freehold.updates.content import heads
from freehold.updates.content.leaves import Leaf
from freehold.updates.tlog.merkle import ProofFailed, leaf_hash
from freehold.updates.tlog.policies import NotWitnessed, Policy, Seen
from freehold.updates.tlog.proofs import Proof
from freehold.updates.tlog.tiles import hashes

FRESH_SECONDS = 24 * 3600
"""How old the witnesses' word may be when it comes from a mirror."""

CARRIED_SECONDS = 30 * 24 * 3600
"""How old it may be in a bundle that somebody carries to a machine without a network."""

_AHEAD_SECONDS = 3600
"""So far may witnesses' clocks be ahead of this one before this one is called slow."""

_MOST_BEHIND = 1 << 20
"""Leaves that are fetched at most."""


class Claim(NamedTuple):
    """What one origin claims of the log.

    Attributes:
        feed: whose release it is.
        root, snapshot: the metadata that TUF has verified.
        proof: that the release is in the log.
        tail: the newest leaf hashes.
    """

    feed: str
    root: Role
    snapshot: Role
    proof: Proof
    tail: list[bytes]


def claim(feed: str, members: Mapping[str, bytes], root: Role, snapshot: Role) -> Claim:
    """Take out of a head what it says of the log; raises ``Malformed``, or ``Unlogged`` when it says nothing."""
    if heads.PROOF not in members:
        raise Unlogged("the release comes without a proof that it is in the public log")
    try:
        return Claim(feed, root, snapshot, Proof.parse(members[heads.PROOF]), heads.tail(members))
    except MalformedInput as error:
        raise Malformed(f"what the head says of the log: {error}") from error


def claimed_time(members: Mapping[str, bytes]) -> int:
    """Return the newest time that a cosignature in a head names, 0 for none; nothing vouches for it yet."""
    try:
        return Proof.parse(members.get(heads.PROOF, b"")).newest_time
    except MalformedInput:
        return 0


def verify(claim: Claim, policy: Policy, state: State, read: Callable[[str], bytes | None]) -> tuple[State, Seen]:
    """Compare a claim with what was seen before; returns what is seen now.

    Args:
        claim: what an origin says.
        policy: which log and which witnesses count.
        state: what was seen before.
        read: gives a file of the log, for who is far behind.

    Raises:
        BadSignature, NoQuorum, Unlogged, Rollback, SplitView, Malformed: it is not acceptable.
    """
    leaf = Leaf(claim.feed, claim.root.version, claim.root.sha256, claim.snapshot.version, claim.snapshot.sha256)
    seen = _seen(claim.proof, leaf_hash(leaf.to_bytes()), policy)
    checkpoint = seen.checkpoint
    if checkpoint.size < state.log.size:
        raise Rollback(f"the log has {checkpoint.size:,} entries; this machine has seen {state.log.size:,} of it")
    try:
        grown = state.log.extend(_new(claim.tail, state.log.size, checkpoint.size, read))
    except MalformedInput as error:
        raise Malformed(f"the log: {error}") from error
    if grown.size != checkpoint.size or grown.root != checkpoint.root:
        raise SplitView(
            f"the log with {checkpoint.size:,} entries is not a continuation of the one with {state.log.size:,} that "
            "this machine has seen: somebody shows different people different histories"
        )
    note = claim.proof.checkpoint.encode().decode("utf-8", "backslashreplace")
    best = max(state.best_time, seen.time or 0)
    return replace(state, log=grown, checkpoint=note, best_time=best), seen


def check_age(seen: Seen, state: State, *, carried: bool) -> None:
    """Raise ``Stale`` when the witnesses' word is too old: ``carried`` for what came without a network."""
    if seen.time is None:  # a policy without witnesses; only TUF's own dates count then
        return
    limit = CARRIED_SECONDS if carried else FRESH_SECONDS
    age = max(int(time.time()), state.best_time) - seen.time
    if age > limit:
        raise Stale(
            f"the newest word of the witnesses is {age // 3600:,} hours old, and {limit // 3600} are allowed: newer "
            "releases are withheld, or this machine's clock is wrong"
        )


def clock_is_behind(state: State) -> bool:
    """Whether this machine's clock shows a time that has certainly passed."""
    return time.time() + _AHEAD_SECONDS < state.best_time


def _seen(proof: Proof, leaf: bytes, policy: Policy) -> Seen:
    try:
        return proof.verify(leaf, policy)
    except NotWitnessed as error:
        raise NoQuorum(f"{error}") from error
    except ProofFailed as error:
        raise Unlogged(f"the release is signed, but is not proven to be in the public log: {error}") from error
    except MalformedInput as error:
        raise Malformed(f"the log's checkpoint: {error}") from error
    except TrustError as error:
        raise BadSignature(f"the log's checkpoint: {error}") from error


def _new(tail: list[bytes], have: int, size: int, read: Callable[[str], bytes | None]) -> list[bytes]:
    """Return the hashes of the leaves that are new."""
    missing = size - have
    if missing <= len(tail):
        return tail[len(tail) - missing :]
    if missing > _MOST_BEHIND:
        raise MixAndMatch(f"the log has {missing:,} entries that this machine has not seen; that cannot be")
    return list(hashes(read, have, size, size))
