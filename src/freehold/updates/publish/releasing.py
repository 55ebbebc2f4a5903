"""Publishing: what is staged becomes part of the public tree, in the order in which clients may see it.

First what is immutable, then the entry in the log and its proof, then the timestamp, and ``head`` last. Every file is
written aside and renamed, so nobody ever reads half of one; whatever ends this on its way, doing it again completes it.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import Signer
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Snapshot, Timestamp

from freehold.model.errors import FreeholdError, TrustError, UsageError
from freehold.updates import durable
from freehold.updates.client import ledger
from freehold.updates.content import heads, leaves, plans, releases
from freehold.updates.content.releases import Release
from freehold.updates.publish import evidence, keys, signing
from freehold.updates.publish.repository import (
    HEAD,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Repository,
    payload,
    to_bytes,
)
from freehold.updates.publish.witnessing import Tell, Witnesses
from freehold.updates.tlog import merkle
from freehold.updates.tlog.keys import SigningKey
from freehold.updates.tlog.merkle import leaf_hash
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import NotWitnessed, Policy
from freehold.updates.tlog.proofs import Proof
from freehold.updates.tlog.writing import Log


class QuorumMissing(FreeholdError):
    """Too few witnesses have cosigned the new head; nothing of it is visible to clients yet."""


def publish(repository: Repository, cosignatures: Sequence[bytes], now: datetime, tell: Tell) -> int:
    """Publish what is staged; returns the number of the release that is public then.

    Args:
        repository: with everything staged and signed.
        cosignatures: answers of witnesses that were asked by files.
        now: what has expired by then is not published.
        tell: hears of what does not keep this from going on.

    Raises:
        UsageError: nothing is staged.
        TrustError: signatures are missing, or something has expired.
        QuorumMissing: try again when more witnesses have cosigned.
    """
    staged = signing.progress(repository)
    if not staged:
        raise UsageError("nothing is staged; 'freehold repo build' makes a release")
    _check(repository, now)
    _copy_immutable(repository)
    _log(repository, cosignatures, tell)
    timestamp = repository.metadata_path(repository.staged, TIMESTAMP)
    if timestamp is not None:
        durable.write(repository.public / "metadata" / timestamp.name, timestamp.read_bytes())
    write_head(repository)
    release = repository.current()
    if release is None:
        raise TrustError("there is no release")
    repository.remember(release)
    repository.discard()
    return release.seq


def refresh(
    repository: Repository, signers: Sequence[Signer], cosignatures: Sequence[bytes], *, now: datetime, tell: Tell
) -> datetime:
    """Sign and publish a new timestamp and newer cosignatures of the same head of the log; returns when it expires.

    Raises:
        UsageError: nothing is published, or these keys cannot sign timestamps, or are too few.
        QuorumMissing: try again when more witnesses have cosigned.
    """
    root, snapshot = repository.published(ROOT), repository.published(SNAPSHOT)
    if root is None or snapshot is None:
        raise UsageError("nothing is published yet")
    timestamp = signing.timestamp_of(repository, snapshot, now)
    for signer in signers:
        if signer.public_key.keyid in root.signed.roles[TIMESTAMP].keyids:  # type: ignore[union-attr]
            timestamp.signatures[signer.public_key.keyid] = keys.sign(signer, payload(timestamp))
    try:
        root.signed.verify_delegate(TIMESTAMP, payload(timestamp), timestamp.signatures)  # type: ignore[union-attr]
    except UnsignedMetadataError as error:
        raise UsageError(f"these keys are not enough for a timestamp: {error}") from error
    _log(repository, cosignatures, tell)
    durable.write(repository.public / "metadata" / "timestamp.json", to_bytes(timestamp))
    write_head(repository)
    return timestamp.signed.expires


def write_head(repository: Repository) -> None:
    """Write ``head`` anew from what is public."""
    timestamp, snapshot, feed = (_public(repository, role) for role in (TIMESTAMP, SNAPSHOT, repository.feed))
    release = repository.current()
    root = repository.published(ROOT)
    if release is None or root is None:
        raise TrustError("there is no release")
    log = _opened(repository)
    members = {
        heads.TIMESTAMP: timestamp.read_bytes(),
        snapshot.name: snapshot.read_bytes(),
        feed.name: feed.read_bytes(),
        "root-version": str(root.signed.version).encode(),
        heads.RELEASE: release.to_bytes(),
        heads.PROOF: proof_path(repository, release.seq).read_bytes(),
        heads.TAIL: b"".join(log.leaves()[-heads.TAIL_LEAVES :]),
    }
    put_head(repository.public, heads.encode(members))


def put_head(tree: Path, packed: bytes) -> None:
    """Put a head into a tree, last of all, with the time of modification that clients ask by.

    That is a time which something signed says, so all copies of a head have the same.
    """
    members = heads.decode(packed)
    since = max(releases.parse(members[heads.RELEASE]).published, ledger.claimed_time(members))
    path = tree / HEAD
    durable.write(path, packed)
    os.utime(path, (since, since))


def proof_path(repository: Repository, seq: int) -> Path:
    """Return where the proof of a release lies."""
    return repository.log_folder / "proof" / f"{seq}.tlog-proof"


def policy_of(repository: Repository) -> Policy:
    """Return the policy that clients have; raises ``TrustError``."""
    name = f"policy/{repository.feed}.tlog-policy"
    targets = repository.published(TARGETS)
    if targets is None:
        raise TrustError("there is no policy yet")
    return Policy.parse(repository.read_target(name, targets.signed.targets[name]))  # type: ignore[union-attr]


def requests(repository: Repository) -> dict[str, bytes]:
    """Return what has to be carried to the witnesses that are asked by files, by their names."""
    witnesses = _witnesses(repository)
    log = _opened(repository)
    note, hashes = log.head(), log.leaves()
    return {name: witnesses.request(note, hashes, name) for name in witnesses.by_files}


def _check(repository: Repository, now: datetime) -> None:
    """Raise ``TrustError`` unless all that is staged is signed, complete, and counts for a while."""
    for role in repository.roles:
        signing.verify(repository, role)
        metadata = repository.staged_metadata(role)
        if metadata is not None and metadata.signed.is_expired(now):
            raise TrustError(f"{role} {metadata.signed.version} has expired meanwhile; build or renew it again")
    snapshot, timestamp = repository.newest(SNAPSHOT), repository.newest(TIMESTAMP)
    _check_names(repository, snapshot, timestamp)


def _check_names(repository: Repository, snapshot: object, timestamp: object) -> None:
    """Raise ``TrustError`` unless the timestamp names this snapshot, and the snapshot what is newest."""
    if not isinstance(snapshot, Metadata) or not isinstance(timestamp, Metadata):
        raise TypeError
    signed, stamp = snapshot.signed, timestamp.signed
    if not isinstance(signed, Snapshot) or not isinstance(stamp, Timestamp):
        raise TrustError("snapshot and timestamp are of other kinds")
    named = {f"{role}.json": repository.newest(role).signed.version for role in (TARGETS, repository.feed)}
    if {name: meta.version for name, meta in signed.meta.items()} != named or stamp.snapshot_meta.version != (
        signed.version
    ):
        raise TrustError("snapshot or timestamp are not of what is staged: sign once more")
    stamp.snapshot_meta.verify_length_and_hashes(to_bytes(snapshot))


def _copy_immutable(repository: Repository) -> None:
    """Copy what is named by something signed, and nothing else that somebody may have put beside it."""
    for path in _immutable(repository):
        public = repository.public / path.relative_to(repository.staged)
        data = path.read_bytes()
        if not public.is_file() or public.read_bytes() != data:
            durable.write(public, data)


def _immutable(repository: Repository) -> Iterator[Path]:
    """Yield the staged files that are to be public, metadata last."""
    for role in (TARGETS, repository.feed):
        metadata = repository.staged_metadata(role)
        for name, target in metadata.signed.targets.items() if metadata else ():  # type: ignore[union-attr]
            path = repository.target_path(repository.staged, name, target)
            if path.is_file():
                repository.read_target(name, target)
                yield path
    feed = repository.staged_metadata(repository.feed)
    if feed is not None:
        release = repository.release_in(feed)  # type: ignore[arg-type]
        yield from evidence.staged(repository, release)
        yield from _inputs(repository, release)
    for role in (ROOT, TARGETS, repository.feed, SNAPSHOT):
        found = repository.metadata_path(repository.staged, role)
        if found is not None:
            yield found


def _inputs(repository: Repository, release: Release) -> Iterator[Path]:
    """Yield the staged plan of a release and its sources; a release that was taken over has none."""
    folder = repository.staged / "inputs"
    plan = folder / release.inputs
    if plan.is_file():
        names = [source.sha256 for source in plans.parse(plan.read_bytes(), release).sources]
        yield from (folder / name for name in names if (folder / name).is_file())
        yield plan


def _log(repository: Repository, cosignatures: Sequence[bytes], tell: Tell) -> None:
    """Log the newest snapshot unless it is there, have its head cosigned, and publish the head with a proof."""
    log = _opened(repository)
    root, snapshot = _public(repository, ROOT), _public(repository, SNAPSHOT)
    leaf = leaves.leaf_of(
        repository.feed,
        (repository.published(ROOT).signed.version, root.read_bytes()),  # type: ignore[union-attr]
        (repository.published(SNAPSHOT).signed.version, snapshot.read_bytes()),  # type: ignore[union-attr]
    ).to_bytes()
    hashes = log.leaves()
    if not hashes or hashes[-1] != leaf_hash(leaf):
        log.append([leaf])
        hashes = log.leaves()
    note = _seen(repository, log, hashes, cosignatures, tell)
    release = repository.current()
    if release is None:
        raise TrustError("there is no release")
    index = len(hashes) - 1
    proof = Proof(index, tuple(merkle.inclusion_proof(index, hashes)), note)
    durable.write(proof_path(repository, release.seq), proof.encode())
    log.publish(note)


def _seen(repository: Repository, log: Log, hashes: Sequence[bytes], cosignatures: Sequence[bytes], tell: Tell) -> Note:
    """Return the log's head with enough cosignatures; raises ``QuorumMissing``."""
    witnesses = _witnesses(repository)
    note = witnesses.cosigned(log.head(), hashes, tell)
    for answer in cosignatures:
        note = witnesses.taken(note, answer)
    try:
        policy_of(repository).verify(note)
    except NotWitnessed as error:
        raise QuorumMissing(f"{error}. Nothing was published; publish again when more have cosigned") from error
    return note


def _witnesses(repository: Repository) -> Witnesses:
    return Witnesses(policy_of(repository), repository.folder / "witnesses.json")


def _opened(repository: Repository) -> Log:
    try:
        key = SigningKey.parse(repository.log_key.read_text("ascii").strip())
    except OSError as error:
        raise UsageError(f"{repository.log_key}: {error.strerror}; who has the log's key publishes") from error
    return Log(repository.log_folder, key)


def _public(repository: Repository, role: str) -> Path:
    path = repository.metadata_path(repository.public, role)
    if path is None:
        raise TrustError(f"there is no {role} metadata yet")
    return path
