"""What a signature means: "I made it again from its inputs, it is the same, and it passed my gate"."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tuf.api.metadata import Metadata, Targets

from freehold.model.errors import FreeholdError, MalformedInput, TrustError, UsageError
from freehold.updates import durable
from freehold.updates.content import releases, segments
from freehold.updates.content.releases import Release
from freehold.updates.publish.building import Made, Progress, make
from freehold.updates.publish.repository import Repository

_AHEAD_SECONDS = 3600
"""How far in the future a release may be published: clocks differ."""


class NotTheSame(TrustError):
    """What is staged is not what its inputs give."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate found.

    Attributes:
        state: state root of the signatures that were tried.
        passed: whether nothing speaks against releasing them.
        reasons: what speaks against it.
        measured: figures, by name.
    """

    state: str
    passed: bool
    reasons: tuple[str, ...] = ()
    measured: dict[str, Any] = field(default_factory=dict)


def record_gate(repository: Repository, gate: Gate) -> None:
    """Keep what a gate found, on this machine only."""
    durable.write(repository.folder / "gates" / f"{gate.state}.json", releases.canonical(asdict(gate)) + b"\n")


def gate_of(repository: Repository, state: str) -> Gate | None:
    """Return what the gate found of a state here; None when it was not asked, or the record is damaged."""
    try:
        value = json.loads((repository.folder / "gates" / f"{state}.json").read_bytes())
        return Gate(value["state"], value["passed"], tuple(value["reasons"]), value["measured"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def check_release(repository: Repository, now: datetime, *, gate: bool, progress: Progress) -> Release:
    """Make the staged release again and compare; returns it.

    Args:
        repository: where it is staged.
        now: releases are not of the future.
        gate: whether this machine's gate must have passed it.
        progress: is told how far it is.

    Raises:
        NotTheSame: something differs; the text says what.
        UsageError: nothing is staged, or the gate was not asked or says no.
        TrustError: an input is missing or damaged.
    """
    metadata = _staged(repository)
    release = repository.release_in(metadata)
    published = repository.published(repository.feed)
    if published is not None and published.signed.targets == metadata.signed.targets:  # type: ignore[union-attr]
        return release  # nothing but a later date; enough people have signed the rest
    if release.published > now.timestamp() + _AHEAD_SECONDS:
        raise NotTheSame(f"release {release.seq} is of the future; compare the clocks")
    try:
        made = make(repository, release, progress)
    except MalformedInput as error:
        raise NotTheSame(f"release {release.seq} cannot be made again: {error}") from error
    _compare(release, made.release)
    _compare_targets(repository, metadata, made)
    if gate:
        ask_gate(repository, release)
    return release


def _staged(repository: Repository) -> Metadata[Targets]:
    metadata = repository.staged_metadata(repository.feed)
    if metadata is None or not isinstance(metadata.signed, Targets):
        raise UsageError(f"nothing of {repository.feed} is staged")
    return metadata


def _compare(staged: Release, made: Release) -> None:
    if staged.state != made.state:
        raise NotTheSame(
            f"release {staged.seq} has the state root {staged.state}; its inputs give {made.state} here. Do not sign it"
        )
    if staged != made:
        fields = [name for name in asdict(staged) if getattr(staged, name) != getattr(made, name)]
        raise NotTheSame(f"release {staged.seq} differs from what its inputs give here, in: {', '.join(fields)}")


def _compare_targets(repository: Repository, metadata: Metadata[Targets], made: Made) -> None:
    """Compare the files, as far as they can be: two compressors give other bytes for the same content."""
    release, targets = made.release, metadata.signed.targets
    base, itself = release.target(release.base), releases.release_target(repository.feed)
    if targets.keys() != {*made.contents, base, itself} or metadata.signed.delegations is not None:
        raise NotTheSame(f"the metadata of {repository.feed} names other files than release {release.seq} has")
    for name, content in made.contents.items():
        try:
            unpacked = segments.unpack(repository.read_target(name, targets[name]), len(content))
        except FreeholdError as error:
            raise NotTheSame(f"{name}: {error}") from error
        if unpacked != content:
            raise NotTheSame(f"{name} has other content than its inputs give here")
    if base not in made.contents:
        published = repository.published(repository.feed)
        if published is None or published.signed.targets.get(base) != targets[base]:  # type: ignore[union-attr]
            raise NotTheSame(f"{base} is another file than the one that was published")


def ask_gate(repository: Repository, release: Release) -> None:
    """Raise ``UsageError`` unless this machine's gate has passed a release."""
    found = gate_of(repository, release.state)
    if found is None:
        raise UsageError(
            f"the gate was not asked about release {release.seq} here: run 'freehold repo gate {repository.folder}'"
        )
    if not found.passed:
        raise UsageError(f"release {release.seq} did not pass the gate here: {'; '.join(found.reasons)}")
