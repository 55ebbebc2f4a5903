"""Building: from signature files to a staged release, the same for everybody who has the same files.

``make`` is a pure function of a plan, its inputs and the releases before; the builder calls it to stage a release, and
every signer calls it again to see whether what is staged is what the inputs give.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tuf.api.metadata import Metadata, TargetFile, Targets

from freehold.model.errors import MalformedInput, UsageError
from freehold.updates import durable
from freehold.updates.content import entries, plans, releases, segments
from freehold.updates.content.plans import Plan, Source
from freehold.updates.content.releases import ENGINE, Part, Release
from freehold.updates.content.segments import Segment
from freehold.updates.content.spans import LONGEST, composed, starts
from freehold.updates.content.states import State
from freehold.updates.publish.history import History
from freehold.updates.publish.repository import Repository

Progress = Callable[[str, float], None]
"""Is told in a few words what is being done, and which share of all work has been done, roughly."""

_READ, _STATE, _SEGMENTS = 0.1, 0.4, 0.6
_OVERLAY_SHARE = 0.25
"""A new epoch begins when what is on top of the base is this share of it."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What a publisher asks of a release, beside its signatures.

    Attributes:
        published: seconds since 1970.
        rings: None for those of the settings.
        urgent: see ``Release``.
        reverts: releases that must not be used any more.
        revoked: tombstones, in hexadecimal digits, beside those of the release before.
        restored: tombstones that are revoked no more.
        epoch: None to begin a new one when it is time; True and False decide.
        engine: see ``Release``.
    """

    published: int
    rings: tuple[tuple[int, int], ...] | None = None
    urgent: bool = False
    reverts: Sequence[int] = ()
    revoked: Sequence[str] = ()
    restored: Sequence[str] = ()
    epoch: bool | None = None
    engine: tuple[int, int] = (ENGINE, ENGINE)


@dataclass(frozen=True, slots=True)
class Made:
    """A release that was made.

    Attributes:
        release: what is to be signed of it.
        state: its signatures.
        contents: of those parts that are new, by the names of their targets.
        step: what changed against the release before.
    """

    release: Release
    state: State
    contents: Mapping[str, bytes]
    step: Segment


def take_inputs(repository: Repository, files: Iterable[Path], progress: Progress) -> list[Source]:
    """Copy signature files to the staged inputs, by their content.

    Raises:
        UsageError: a file cannot be read, or is of no language that releases carry.
    """
    listed = list(files)
    found: set[Source] = set()
    for number, path in enumerate(listed):
        progress(f"taking {path.name}", _READ * number / len(listed))
        language = path.suffix.lower().removeprefix(".")
        if language not in entries.LANGUAGES:
            raise UsageError(f"{path}: releases carry signature files ending in {' '.join(sorted(entries.LANGUAGES))}")
        found.add(_take(repository, path, language))
    return sorted(found)


def _take(repository: Repository, path: Path, language: str) -> Source:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if not any((tree / "inputs" / sha256).is_file() for tree in (repository.public, repository.staged)):
        durable.write(repository.staged / "inputs" / sha256, data)
    return Source(language, sha256, len(data))


def build(repository: Repository, sources: Sequence[Source], wish: Wish, progress: Progress) -> Made:
    """Make the next release and stage it, unsigned.

    Raises:
        UsageError: nothing would change, or the wish contradicts itself.
        MalformedInput: a source has something in it that releases do not carry.
        TrustError: what was published before is damaged.
    """
    history = History(repository)
    previous = repository.current()
    before = history.state(previous) if previous else State()
    plan = _plan(repository, previous, sources, wish)
    state = _state(repository, plan, progress)
    if not len(state):
        raise UsageError("a release without any signature would be empty")
    step = before.step_to(state)
    if previous and not step.added and not step.removed and not wish.reverts and not wish.epoch:
        raise UsageError(f"the signatures are those of release {previous.seq}; there is nothing to release")
    if wish.epoch is None and previous and _is_time_for_epoch(previous, step):
        plan = replace(plan, epoch=previous.epoch + 1)
    made = _made(_Work(history, previous, plan, state, step), progress)
    _stage(repository, plan, made, progress)
    return made


def make(repository: Repository, release: Release, progress: Progress) -> Made:
    """Make a staged release again, from its inputs; what comes out is to be compared with it.

    Raises:
        MalformedInput: its plan is not there or says something else than the release does.
        TrustError: an input is missing, or what was published before is damaged.
    """
    history = History(repository)
    previous = repository.current()
    plan = plans.parse(repository.input_path(release.inputs).read_bytes(), release)
    expected = (previous.seq + 1, previous.state) if previous else (1, "")
    if (plan.seq, plan.previous) != expected:
        raise MalformedInput(f"release {plan.seq} does not follow on release {expected[0] - 1} as it is here")
    before = history.state(previous) if previous else State()
    state = _state(repository, plan, progress)
    return _made(_Work(history, previous, plan, state, before.step_to(state)), progress)


def _plan(repository: Repository, previous: Release | None, sources: Sequence[Source], wish: Wish) -> Plan:
    revoked = {*_revoked_before(repository, previous), *wish.revoked} - set(wish.restored)
    reverts = sorted({*(previous.reverts if previous else ()), *wish.reverts})
    seq = previous.seq + 1 if previous else 1
    if any(not 1 <= reverted < seq for reverted in wish.reverts):
        raise UsageError(f"only earlier releases, 1 to {seq - 1}, can be reverted")
    if previous and wish.published <= previous.published:
        raise UsageError(f"release {previous.seq} is of {previous.published}; the next one must be later")
    return Plan(
        feed=repository.feed,
        seq=seq,
        epoch=(previous.epoch if previous else 0) + (1 if not previous or wish.epoch else 0),
        engine=wish.engine,
        published=wish.published,
        rings=wish.rings or repository.settings.rings,
        urgent=wish.urgent or bool(wish.reverts),
        reverts=tuple(reverts[-LONGEST:]),
        previous=previous.state if previous else "",
        sources=tuple(sorted(set(sources))),
        revoked=tuple(sorted(revoked)),
    )


def _revoked_before(repository: Repository, previous: Release | None) -> tuple[str, ...]:
    return plan_of(repository, previous).revoked if previous else ()


def plan_of(repository: Repository, release: Release) -> Plan:
    """Return the plan of a release that was built here; raises ``TrustError`` when it is missing."""
    return plans.parse(repository.input_path(release.inputs).read_bytes(), release)


def _state(repository: Repository, plan: Plan, progress: Progress) -> State:
    whole = max(sum(source.bytes for source in plan.sources), 1)
    done = 0

    def tell(source: Source) -> None:
        nonlocal done
        done += source.bytes
        progress("reading signatures", _READ + (_STATE - _READ) * done / whole)

    def read(source: Source) -> bytes:
        return repository.input_path(source.sha256).read_bytes()

    return plans.state_of(plan.sources, plan.revoked, read, tell)


def _is_time_for_epoch(previous: Release, step: Segment) -> bool:
    if previous.seq + 1 - previous.base.start > LONGEST:
        return True
    above = [part for part in previous.segments if part.start <= previous.base.start][:1]
    size = sum(part.bytes for part in above) + len(segments.encode(step))
    return size > previous.base.bytes * _OVERLAY_SHARE and size > _SMALL


_SMALL = 1 << 20
"""Bytes on top of a base that are never worth a new epoch."""


class _Work(NamedTuple):
    """What a release is made of."""

    history: History
    previous: Release | None
    plan: Plan
    state: State
    step: Segment


def _made(work: _Work, progress: Progress) -> Made:
    history, previous, plan, state, step = work
    progress("comparing with earlier releases", _STATE)
    contents: dict[str, bytes] = {}
    base = previous.base if previous and plan.epoch == previous.epoch else None
    if base is None:
        content = segments.encode(Segment(list(state), frozenset()))
        base = Part(plan.seq, segments.digest(content), len(content))
        contents[f"{plan.feed}/base-{plan.epoch}.seg"] = content
    parts: list[Part] = []
    segment = step
    for start, near in zip(starts(plan.seq), (plan.seq, *starts(plan.seq)), strict=False):
        if near != plan.seq:
            earlier = history.release(near)
            part = next(part for part in earlier.segments if part.start == start)
            segment = composed(history.segment(earlier, part), segment)
        content = segments.encode(segment)
        parts.append(Part(start, segments.digest(content), len(content)))
        contents[f"{plan.feed}/seg-{start}-{plan.seq}.seg"] = content
    release = Release(
        feed=plan.feed,
        seq=plan.seq,
        epoch=plan.epoch,
        state=state.root().hex(),
        counts=state.counts(),
        engine=plan.engine,
        published=plan.published,
        rings=plan.rings,
        urgent=plan.urgent,
        reverts=plan.reverts,
        inputs=plan.sha256,
        base=base,
        segments=tuple(parts),
    )
    return Made(releases.parse(release.to_bytes()), state, contents, step)


def _stage(repository: Repository, plan: Plan, made: Made, progress: Progress) -> None:
    feed, release = repository.feed, made.release
    published = repository.published(feed)
    targets: dict[str, TargetFile] = {}
    for number, (name, content) in enumerate(made.contents.items()):
        progress(f"packing {name}", _SEGMENTS + (1 - _SEGMENTS) * number / len(made.contents))
        targets[name] = repository.stage_target(name, segments.pack(content))
    base = release.target(release.base)
    if base not in targets and published is not None:
        targets[base] = published.signed.targets[base]  # type: ignore[union-attr]
    name = releases.release_target(feed)
    targets[name] = repository.stage_target(name, release.to_bytes())
    durable.write(repository.staged / "inputs" / plan.sha256, plan.to_bytes())
    stage_feed(repository, targets, datetime.fromtimestamp(release.published, UTC))


def stage_feed(repository: Repository, targets: Mapping[str, TargetFile], time: datetime) -> None:
    """Stage the next metadata of the feed's role, which names these targets and counts from ``time``."""
    published = repository.published(repository.feed)
    signed = Targets(
        version=published.signed.version + 1 if published else 1,
        expires=time.replace(microsecond=0) + timedelta(days=repository.settings.lifetime(repository.feed)),
        targets=dict(sorted(targets.items())),
    )
    repository.stage_anew(repository.feed, Metadata(signed))


def now() -> int:
    """Return the time that releases are made at: that of the environment's SOURCE_DATE_EPOCH, or the clock's."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(fixed) if fixed.isdecimal() else int(datetime.now(UTC).timestamp())
