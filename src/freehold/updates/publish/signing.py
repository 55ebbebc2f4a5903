"""Signing what is staged: role by role, by several people, on several machines, in any order.

Snapshot and timestamp are made by themselves as soon as all that they name has its signatures, so nobody has to know
the order: everybody signs, sends what is staged on, and signs again. From then on, what they name is left as it is: one
more signature would give it another hash.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Timestamp

from freehold.model.errors import TrustError, UsageError
from freehold.updates.publish import keys
from freehold.updates.publish.repository import (
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Repository,
    Signed,
    payload,
    to_bytes,
)


@dataclass(frozen=True, slots=True)
class Signatures:
    """How far the signatures of staged metadata are.

    Attributes:
        role: whose metadata it is.
        version: of it.
        signed: names of those who have signed.
        missing: names of those who could sign and have not.
        wanted: how many more are needed.
    """

    role: str
    version: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    wanted: int

    @property
    def complete(self) -> bool:
        """Whether enough have signed."""
        return self.wanted == 0


def progress(repository: Repository) -> list[Signatures]:
    """Return how far the signatures are of all that is staged, in the order in which roles depend on each other."""
    found = ((role, repository.staged_metadata(role)) for role in repository.roles)
    return [_signatures(repository, role, metadata) for role, metadata in found if metadata is not None]


def sign(repository: Repository, signers: Sequence[Signer], check: Callable[[str], None], now: datetime) -> list[str]:
    """Sign all that is staged, as far as these keys may and it is its turn; returns the roles that were signed.

    Args:
        repository: where it is staged.
        signers: with these keys.
        check: is told each role before it is signed for the first time; raises when it should not be.
        now: from when a new timestamp counts.

    Raises:
        UsageError: there is nothing that these keys could sign.
        FreeholdError: what ``check`` raises, or a device that fails.
    """
    done: list[str] = []
    useful = False
    for role in repository.roles:
        advance(repository, role, now)
        metadata = repository.staged_metadata(role)
        if metadata is None:
            continue
        allowed = authorised(repository, role)
        mine = [signer for signer in signers if signer.public_key.keyid in allowed]
        useful = useful or bool(mine)
        if _add(repository, role, metadata, mine, check):
            done.append(role)
    if not useful:
        waiting = ", ".join(one.role for one in progress(repository) if not one.complete)
        raise UsageError(f"these keys can sign nothing that waits for signatures ({waiting or 'nothing is waiting'})")
    return done


def _add(
    repository: Repository, role: str, metadata: Signed, signers: Sequence[Signer], check: Callable[[str], None]
) -> bool:
    new = [signer for signer in signers if not _has_signed(metadata, signer.public_key)]
    if not new or not _takes_more(repository, role, metadata):
        return False
    check(role)
    for signer in new:
        if _takes_more(repository, role, metadata):
            metadata.signatures[signer.public_key.keyid] = keys.sign(signer, payload(metadata))
    repository.stage(role, metadata)
    return True


def _takes_more(repository: Repository, role: str, metadata: Signed) -> bool:
    """Whether metadata can have more signatures.

    That of people until something depends on it, that of machines until it has enough: clients fetch it every day.
    """
    if role in {ROOT, TARGETS}:
        return repository.staged_metadata(SNAPSHOT) is None
    return not _signatures(repository, role, metadata).complete


def merge(repository: Repository, other: Path) -> list[str]:
    """Take the signatures that somebody else's copy of what is staged has; returns the roles that got some.

    Args:
        repository: where it is staged, too; what is not, is taken from there.
        other: the folder ``staged`` of another copy, or a repository.

    Raises:
        UsageError: there is nothing staged, or something else.
    """
    tree = other / "staged" if (other / "staged").is_dir() else other
    if not (tree / "metadata").is_dir():
        raise UsageError(f"{other}: nothing is staged there")
    _take_files(tree, repository.staged)
    got = []
    for role in repository.roles:
        theirs, ours = _theirs(repository, tree, role), repository.staged_metadata(role)
        if theirs is None:
            continue
        if ours is None or (payload(ours) != payload(theirs) and not _is_sound(repository, role, ours)):
            repository.stage(role, theirs)
            got.append(role)
        elif payload(ours) == payload(theirs):
            got += [role] * _take_signatures(repository, role, ours, theirs)
        elif role not in {SNAPSHOT, TIMESTAMP}:  # of those there may be several, and ours is as good as theirs
            raise UsageError(f"{other}: what is staged there for {role} is something else than here; build it again")
    return got


def _take_signatures(repository: Repository, role: str, ours: Signed, theirs: Signed) -> bool:
    """Take those that count and are right; returns whether there were any."""
    found = False
    for keyid, key in authorised(repository, role).items():
        is_new = _has_signed(theirs, key) and not _has_signed(ours, key)
        if is_new and _takes_more(repository, role, ours):
            ours.signatures[keyid] = theirs.signatures[keyid]
            found = True
    repository.stage(role, ours)
    return found


def _is_sound(repository: Repository, role: str, metadata: Signed) -> bool:
    """Whether what is staged here names what is staged here."""
    if role == SNAPSHOT:
        wanted = _snapshot_of(repository)
        return wanted is None or wanted.signed == metadata.signed
    if role == TIMESTAMP:
        snapshot = repository.staged_metadata(SNAPSHOT)
        return snapshot is None or _is_named(repository, snapshot)
    return True


def _theirs(repository: Repository, tree: Path, role: str) -> Signed | None:
    path = repository.metadata_path(tree, role)
    if path is None:
        return None
    try:
        return Metadata.from_bytes(path.read_bytes())
    except RepositoryError as error:
        raise UsageError(f"{path} is damaged") from error


def _take_files(tree: Path, staged: Path) -> None:
    """Copy targets and inputs that are not here yet; what they are worth is seen when a release is made again."""
    from freehold.updates import durable

    for kind in ("targets", "inputs", "evidence"):
        for path in sorted((tree / kind).rglob("*")):
            here = staged / path.relative_to(tree)
            if path.is_file() and not path.is_symlink() and not here.exists():
                durable.write(here, path.read_bytes())


def advance(repository: Repository, role: str, now: datetime) -> None:
    """Make the snapshot or the timestamp when it is its turn and it is not there, or not of what is staged."""
    if role == SNAPSHOT and _complete(repository, ROOT, TARGETS, repository.feed):
        wanted = _snapshot_of(repository)
        staged = repository.staged_metadata(SNAPSHOT)
        if wanted is not None and (staged is None or staged.signed != wanted.signed):
            repository.stage(SNAPSHOT, wanted)
    elif role == TIMESTAMP and _complete(repository, SNAPSHOT):
        snapshot = repository.staged_metadata(SNAPSHOT)
        if snapshot is not None and not _is_named(repository, snapshot):
            repository.stage(TIMESTAMP, timestamp_of(repository, snapshot, now))


def timestamp_of(repository: Repository, snapshot: Signed, now: datetime) -> Metadata[Timestamp]:
    """Return the next timestamp, unsigned, which names a snapshot and counts from now on."""
    published = repository.published(TIMESTAMP)
    expires = now.replace(microsecond=0) + timedelta(days=repository.settings.lifetime(TIMESTAMP))
    meta = MetaFile.from_data(snapshot.signed.version, to_bytes(snapshot), ["sha256"])
    return Metadata(Timestamp(published.signed.version + 1 if published else 1, expires=expires, snapshot_meta=meta))


def _snapshot_of(repository: Repository) -> Metadata[Snapshot] | None:
    """Return the snapshot of what is staged and published, None when the published one has all that already."""
    published = repository.published(SNAPSHOT)
    roles = [repository.newest(role) for role in (TARGETS, repository.feed)]
    meta = {
        f"{role}.json": MetaFile.from_data(metadata.signed.version, to_bytes(metadata), ["sha256"])
        for role, metadata in zip((TARGETS, repository.feed), roles, strict=True)
    }
    if published and published.signed.meta == meta:  # type: ignore[union-attr]
        return repository.staged_metadata(SNAPSHOT)  # type: ignore[return-value]
    since = repository.newest(repository.feed).signed.expires - timedelta(
        days=repository.settings.lifetime(repository.feed)
    )
    signed = Snapshot(
        version=published.signed.version + 1 if published else 1,
        expires=since + timedelta(days=repository.settings.lifetime(SNAPSHOT)),
        meta=meta,
    )
    return Metadata(signed)


def _is_named(repository: Repository, snapshot: Signed) -> bool:
    """Whether the staged timestamp names the staged snapshot."""
    timestamp = repository.staged_metadata(TIMESTAMP)
    meta = MetaFile.from_data(snapshot.signed.version, to_bytes(snapshot), ["sha256"])
    return timestamp is not None and timestamp.signed.snapshot_meta == meta  # type: ignore[union-attr]


def _complete(repository: Repository, *roles: str) -> bool:
    """Whether all of these roles are signed: staged ones by enough keys, others because they are published."""
    for role in roles:
        staged = repository.staged_metadata(role)
        if staged is None and repository.published(role) is None:
            return False
        if staged is not None and not _signatures(repository, role, staged).complete:
            return False
    return True


def verify(repository: Repository, role: str) -> None:
    """Raise ``TrustError`` unless the staged metadata of a role has enough signatures."""
    metadata = repository.staged_metadata(role)
    if metadata is not None and not (state := _signatures(repository, role, metadata)).complete:
        raise TrustError(
            f"{role} {state.version} lacks {state.wanted} more signature(s); it could be signed by "
            f"{', '.join(state.missing) or 'nobody'}"
        )


def _signatures(repository: Repository, role: str, metadata: Signed) -> Signatures:
    signed: dict[str, str] = {}
    missing: dict[str, str] = {}
    wanted = 0
    found = (repository.staged_metadata(ROOT), repository.published(ROOT), repository.targets())
    delegators = [delegator.signed for delegator in found if delegator is not None]
    for allowed, threshold in _thresholds(repository, role):
        have = {keyid for keyid, key in allowed.items() if _has_signed(metadata, key)}
        wanted = max(wanted, threshold - len(have))
        for keyid in allowed:
            (signed if keyid in have else missing)[keyid] = keys.holder(keyid, *delegators)
    return Signatures(role, metadata.signed.version, tuple(signed.values()), tuple(missing.values()), wanted)


def _thresholds(repository: Repository, role: str) -> list[tuple[dict[str, Key], int]]:
    """Return who may sign for a role, and how many of them must; for a new root, by the old one and by itself."""
    if role == repository.feed:
        delegations = repository.targets().signed.delegations
        if delegations is None or delegations.roles is None:
            raise TrustError("the top-level targets delegate to nobody")
        delegated = delegations.roles[role]
        return [({keyid: delegations.keys[keyid] for keyid in delegated.keyids}, delegated.threshold)]
    roots = [repository.root()]
    if role == ROOT and (published := repository.published(ROOT)) is not None:
        roots.append(published)  # type: ignore[arg-type]
    return [
        (
            {keyid: root.signed.keys[keyid] for keyid in root.signed.roles[role].keyids},
            root.signed.roles[role].threshold,
        )
        for root in roots
    ]


def authorised(repository: Repository, role: str) -> dict[str, Key]:
    """Return the keys that may sign for a role, by their ids."""
    return {keyid: key for allowed, _ in _thresholds(repository, role) for keyid, key in allowed.items()}


def _has_signed(metadata: Signed, key: Key) -> bool:
    from securesystemslib.exceptions import Error

    signature = metadata.signatures.get(key.keyid)
    if signature is None:
        return False
    try:
        key.verify_signature(signature, payload(metadata))
    except Error:
        return False
    return True
