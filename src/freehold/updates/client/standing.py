"""How a feed stands: read from what was verified and kept, without asking anybody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any, NamedTuple

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root

from freehold.model.errors import FreeholdError
from freehold.updates.client.generations import Generation, Generations
from freehold.updates.client.store import Settings, State, Store
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import Policy, Seen


class RoleStanding(NamedTuple):
    """Metadata that was verified.

    Attributes:
        name: of the role.
        version: of its metadata.
        signed: keys that have signed it.
        keys: that may sign it.
        threshold: of them that must.
        expires: seconds since 1970.
    """

    name: str
    version: int
    signed: int
    keys: int
    threshold: int
    expires: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a feed.

    Attributes:
        settings: what the user has chosen.
        state: what was seen.
        active: what scans use, None for nothing.
        published: when that was published, in seconds since 1970; 0 without.
        root_version: of the root of trust that counts now; 0 before the first update.
        roles: of which metadata is here.
        log: origin of the log, "" before the first update.
        witnesses: when each of them has last vouched for the log, in seconds since 1970.
        quorum: how many of whom must.
    """

    settings: Settings
    state: State
    active: Generation | None
    published: int
    root_version: int
    roles: tuple[RoleStanding, ...]
    log: str
    witnesses: dict[str, int]
    quorum: str


def standing(store: Store) -> Standing:
    """Return how a feed stands; raises ``TrustError`` when what is kept of it is damaged."""
    settings, state = store.settings(), store.state()
    active = Generations(store.folder).active()
    roles = tuple(_roles(store, settings.feed))
    seen, quorum = _witnessed(store, settings, state)
    return Standing(
        settings=settings,
        state=state,
        active=active,
        published=active.published if active else 0,
        root_version=next((role.version for role in roles if role.name == Root.type), 0),
        roles=roles,
        log=seen.checkpoint.origin if seen else "",
        witnesses=seen.times if seen else {},
        quorum=quorum,
    )


def _roles(store: Store, feed: str) -> Iterator[RoleStanding]:
    delegators = {"root": "root", "timestamp": "root", "snapshot": "root", "targets": "root", feed: "targets"}
    for name, delegator in delegators.items():
        try:
            metadata: Metadata[Any] = Metadata.from_bytes((store.trust / f"{name}.json").read_bytes())
            above: Metadata[Any] = Metadata.from_bytes((store.trust / f"{delegator}.json").read_bytes())
            result = above.signed.get_verification_result(name, metadata.signed_bytes, metadata.signatures)
        except (OSError, exceptions.RepositoryError, ValueError):
            continue
        keys = len(result.signed) + len(result.unsigned)
        expires = int(metadata.signed.expires.replace(tzinfo=UTC).timestamp())
        yield RoleStanding(name, metadata.signed.version, len(result.signed), keys, result.threshold, expires)


def _witnessed(store: Store, settings: Settings, state: State) -> tuple[Seen | None, str]:
    """Return who vouches for what was seen of the log, and the quorum in words."""
    try:
        policy = Policy.parse((store.folder / f"{settings.feed}.tlog-policy").read_bytes())
    except (OSError, FreeholdError):
        return None, "unknown"
    group = policy.groups.get(policy.quorum)
    quorum = f"{group.threshold} of {', '.join(group.members)}" if group else policy.quorum
    try:
        return policy.verify(Note.parse(state.checkpoint.encode())), quorum
    except FreeholdError:
        return None, quorum
