"""Plans: what a release is made of, so that anybody who has the inputs can make it again and compare."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from freehold.model.errors import MalformedInput
from freehold.updates.content.entries import LANGUAGES, TOMBSTONE_BYTES, entries_of, tombstone
from freehold.updates.content.releases import Release, canonical
from freehold.updates.content.states import State

SCHEMA = "freehold-plan/v1"

PLAN_BYTES = 8 << 20
"""Bytes of a plan."""

INPUT_BYTES = 1 << 30
"""Bytes of one signature file."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHARED = ("feed", "seq", "epoch", "engine", "published", "rings", "urgent", "reverts")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A signature file, by its content.

    Attributes:
        language: suffix of the file, without the dot.
        sha256: of the file, in hexadecimal digits.
        bytes: of the file.
    """

    language: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what a release is. Fields that ``Release`` has, too, mean the same there.

    Attributes:
        previous: state root of the release before, in hexadecimal digits; "" for the first.
        sources: sorted, each once.
        revoked: tombstones in hexadecimal digits, sorted: what is left out, whatever the sources say.
    """

    feed: str
    seq: int
    epoch: int
    engine: tuple[int, int]
    published: int
    rings: tuple[tuple[int, int], ...]
    urgent: bool
    reverts: tuple[int, ...]
    previous: str
    sources: tuple[Source, ...]
    revoked: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the one text of this plan."""
        return canonical({"schema": SCHEMA, **asdict(self)})

    @property
    def sha256(self) -> str:
        """What ``Release.inputs`` says of it."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def fits(self, release: Release) -> bool:
        """Whether a release says the same as this plan, as far as both say it."""
        return release.inputs == self.sha256 and all(getattr(self, name) == getattr(release, name) for name in _SHARED)


def parse(data: bytes, release: Release) -> Plan:
    """Read the plan of a release; raises ``MalformedInput`` when it is that of another, or none."""
    if len(data) > PLAN_BYTES or hashlib.sha256(data).hexdigest() != release.inputs:
        raise MalformedInput(f"this is not the plan of release {release.seq}")
    try:
        value = json.loads(data)
        plan = Plan(
            **{name: getattr(release, name) for name in _SHARED},
            previous=_text(value["previous"], r"|[0-9a-f]{64}"),
            sources=tuple(map(_source, value["sources"])),
            revoked=tuple(_text(one, rf"[0-9a-f]{{{2 * TOMBSTONE_BYTES}}}") for one in value["revoked"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedInput(f"this is no plan: {type(error).__name__} {error}") from error
    in_order = list(plan.sources) == sorted(set(plan.sources)) and list(plan.revoked) == sorted(set(plan.revoked))
    if plan.to_bytes() != data or not in_order:
        raise MalformedInput(
            f"the plan of release {release.seq} says something else than the release, or in other words"
        )
    return plan


def state_of(
    sources: Iterable[Source],
    revoked: Iterable[str],
    read: Callable[[Source], bytes],
    progress: Callable[[Source], None] = lambda _source: None,
) -> State:
    """Return the state that sources make, without what is revoked.

    Args:
        sources: in any order.
        revoked: tombstones in hexadecimal digits.
        read: returns the content of a source; it is compared with the source's hash here.
        progress: is told each source that has been read.

    Raises:
        MalformedInput: a source has other content, or something in it that releases do not carry.
    """
    gone = frozenset(map(bytes.fromhex, revoked))
    state: list[Any] = []
    for source in sources:
        content = read(source)
        if hashlib.sha256(content).hexdigest() != source.sha256:
            raise MalformedInput(f"the input {source.sha256} has other content than it had")
        found = entries_of(source.language, content)
        state.extend(entry for entry in found if tombstone(entry.id) not in gone) if gone else state.extend(found)
        progress(source)
    return State(state)


def _source(value: dict[str, Any]) -> Source:
    if value["language"] not in LANGUAGES or type(value["bytes"]) is not int or not 0 <= value["bytes"] <= INPUT_BYTES:
        raise MalformedInput(f"a plan has a source that is none: {value!r:.200}")
    return Source(value["language"], _text(value["sha256"], _SHA256.pattern), value["bytes"])


def _text(value: Any, pattern: str) -> str:
    if not isinstance(value, str) or re.fullmatch(pattern, value, re.ASCII) is None:
        raise MalformedInput(f"a plan has {value!r:.80} where {pattern} belongs")
    return value
