"""Making a release again from the inputs that it names, and unpacking what clients get of it: both must end alike."""

from collections.abc import Iterator
from hashlib import sha256

from tuf.api.metadata import Targets

from freehold.model.errors import MalformedInput
from freehold.updates.client.refusals import Damaged
from freehold.updates.client.transfer import Absent
from freehold.updates.content import plans, segments, spans
from freehold.updates.content.entries import tombstone
from freehold.updates.content.plans import PLAN_BYTES, Source
from freehold.updates.content.releases import Part, Release
from freehold.updates.content.segments import Segment
from freehold.updates.content.states import State
from freehold.updates.monitoring.findings import Finding, Severity
from freehold.updates.monitoring.memory import Memory
from freehold.updates.monitoring.repository import Repository


def examine(
    repository: Repository, release: Release, listed: Targets, known: Memory, *, is_newest: bool
) -> Iterator[Finding]:
    """Yield what there is to tell about a release that enough keys have signed.

    Args:
        repository: gives its files.
        release: what is signed.
        listed: the metadata with the hashes of its files.
        known: what was seen before it.
        is_newest: clients are offered it today, so its files must be there.

    Raises:
        Refusal: the origin cannot be reached, or gives other bytes than were signed.
    """
    seq = release.seq
    if seq == known.seq:
        if sha256(release.to_bytes()).hexdigest() == known.release:
            yield Finding(Severity.NOTE, "renewed", f"release {seq} was signed anew, unchanged", seq=seq)
        else:
            yield Finding(Severity.ALARM, "two-releases", f"there are two different releases {seq}", seq=seq)
        return
    if seq < known.seq:
        yield Finding(Severity.ALARM, "rollback", f"release {seq} was logged after release {known.seq}", seq=seq)
        return
    if known.seq and seq > known.seq + 1:
        yield Finding(
            Severity.ALARM,
            "gap",
            f"release {seq} follows on release {known.seq}: those between were never logged",
            seq=seq,
        )
    yield from _rebuilt(repository, release, known)
    yield from _unpacked(repository, release, listed, is_newest=is_newest)


def _rebuilt(repository: Repository, release: Release, known: Memory) -> Iterator[Finding]:
    """Make the state again, from the inputs."""
    seq = release.seq
    try:
        data = repository.hashed(f"inputs/{release.inputs}", release.inputs, PLAN_BYTES)
        plan = plans.parse(data, release)
        state = plans.state_of(plan.sources, plan.revoked, lambda source: _input(repository, source))
    except Absent as error:
        yield Finding(Severity.UNCHECKED, "inputs", f"release {seq} cannot be made again: {error}", seq=seq)
        return
    except (MalformedInput, Damaged) as error:
        yield Finding(Severity.ALARM, "inputs", f"the inputs of release {seq}: {error}", seq=seq)
        return
    if known.seq == seq - 1 and plan.previous != known.state:
        yield Finding(Severity.ALARM, "inputs", f"release {seq} was not made upon release {known.seq}", seq=seq)
    root = state.root().hex()
    if root != release.state or state.counts() != release.counts:
        yield Finding(
            Severity.ALARM,
            "different-state",
            f"release {seq} is not what its inputs give: they give {root}, {release.state} was signed",
            seq=seq,
        )
    else:
        yield Finding(
            Severity.NOTE, "rebuilt", f"release {seq} is what its inputs give: {len(state):,} signatures", seq=seq
        )


def _input(repository: Repository, source: Source) -> bytes:
    return repository.hashed(f"inputs/{source.sha256}", source.sha256, source.bytes)


def _unpacked(repository: Repository, release: Release, listed: Targets, *, is_newest: bool) -> Iterator[Finding]:
    """Check every file that clients get, and that all of them lead to the state that was signed."""
    seq = release.seq
    try:
        parts = {
            release.target(part): _part(repository, release, part, listed) for part in (release.base, *release.segments)
        }
    except Absent as error:
        severity = Severity.ALARM if is_newest else Severity.UNCHECKED
        yield Finding(severity, "missing", f"release {seq}: {error}", seq=seq)
        return
    except (MalformedInput, Damaged) as error:
        yield Finding(Severity.ALARM, "damaged", f"release {seq}: {error}", seq=seq)
        return
    state = State()
    for part in spans.chosen(release, 0):
        state = state.after(parts[release.target(part)])
    leads_there = state.root().hex() == release.state
    alive = frozenset(map(tombstone, state.ids()))
    for part in release.segments:  # a longer one can only be checked against where it ends
        segment = parts[release.target(part)]
        leads_there &= alive.isdisjoint(segment.removed) and all(entry in state for entry in segment.added)
    if not leads_there:
        yield Finding(
            Severity.ALARM,
            "different-state",
            f"the files of release {seq} lead to another state than was signed",
            seq=seq,
        )


def _part(repository: Repository, release: Release, part: Part, listed: Targets) -> Segment:
    name = release.target(part)
    target = listed.targets.get(name)
    if target is None:
        raise MalformedInput(f"{name} is not among what is signed")
    folder, _, base = name.rpartition("/")
    digest = target.hashes["sha256"]
    packed = repository.hashed(f"targets/{folder}/{digest}.{base}", digest, min(target.length, segments.PACKED_BYTES))
    content = segments.unpack(packed, part.bytes)
    if segments.digest(content) != part.content:
        raise MalformedInput(f"{name} unpacks to something else than was signed")
    return segments.decode(content)
