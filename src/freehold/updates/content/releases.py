"""``release.json``: what is signed of a release, and its strict reader."""

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from freehold.model.errors import MalformedInput
from freehold.updates.content.entries import LANGUAGES
from freehold.updates.content.segments import CONTENT_BYTES

RELEASE_BYTES = 64 << 10
"""Bytes of a release.json."""

ENGINE = 1
"""What this version of Freehold understands; a release names the range of levels that it is for."""

SCHEMA = "freehold-release/v1"

_FEED = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST = 1 << 53
_MOST_RINGS = 8
_MOST_SEGMENTS = 16
_MOST_REVERTS = 256
_PER_MILLE = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a release, or the base of its epoch.

    Attributes:
        start: the release that a segment begins after; of the base, the release whose whole state it is.
        content: SHA-256 of the uncompressed content, in hexadecimal digits.
        bytes: of the uncompressed content.
    """

    start: int
    content: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        feed: whose it is.
        seq: its number, from 1; every release has the next one.
        epoch: number of its base, from 1.
        state: the state root, in hexadecimal digits.
        counts: how many entries each language has.
        engine: the lowest and highest level of engine that it is for.
        published: seconds since 1970, as its publisher says.
        rings: (clients of a thousand, seconds after ``published`` from when they take it), widening.
        urgent: whether no client waits for its ring: a retraction, or a stop.
        reverts: releases that must not be used any more.
        inputs: SHA-256 of the plan that it was built from, in hexadecimal digits.
        base: of its epoch.
        segments: from the nearest to the farthest start.
    """

    feed: str
    seq: int
    epoch: int
    state: str
    counts: dict[str, int]
    engine: tuple[int, int]
    published: int
    rings: tuple[tuple[int, int], ...]
    urgent: bool
    reverts: tuple[int, ...]
    inputs: str
    base: Part
    segments: tuple[Part, ...]

    def to_bytes(self) -> bytes:
        """Return the one text of this release."""
        return canonical({"schema": SCHEMA, **asdict(self)})

    def target(self, part: Part) -> str:
        """Return the name of a part's file among the targets."""
        if part is self.base:
            return f"{self.feed}/base-{self.epoch}.seg"
        return f"{self.feed}/seg-{part.start}-{self.seq}.seg"


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def release_target(feed: str) -> str:
    """Return the name of a feed's release.json among the targets."""
    return f"{feed}/release.json"


def parse(data: bytes) -> Release:
    """Read a release.json; raises ``MalformedInput`` unless it is exactly what ``Release.to_bytes`` would write."""
    if len(data) > RELEASE_BYTES:
        raise MalformedInput(f"a release.json of {len(data):,} bytes; {RELEASE_BYTES:,} are allowed")
    try:
        value = json.loads(data)
        release = _release(value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedInput(f"this is no release.json: {type(error).__name__} {error}") from error
    if release.to_bytes() != data:
        raise MalformedInput("a release.json is not written as it must be, or has fields that nobody knows")
    return release


def _release(value: dict[str, Any]) -> Release:
    if value["schema"] != SCHEMA:
        raise MalformedInput(f"this is no release.json of version 1: {value['schema']!r:.80}")
    release = Release(
        feed=_matching(_FEED, value["feed"]),
        seq=_number(value["seq"], 1),
        epoch=_number(value["epoch"], 1),
        state=_matching(_SHA256, value["state"]),
        counts={_known(language): _number(count, 1) for language, count in value["counts"].items()},
        engine=_pair(value["engine"]),
        published=_number(value["published"]),
        rings=tuple(map(_pair, _bounded(value["rings"], _MOST_RINGS))),
        urgent=_flag(value["urgent"]),
        reverts=tuple(_number(seq, 1) for seq in _bounded(value["reverts"], _MOST_REVERTS)),
        inputs=_matching(_SHA256, value["inputs"]),
        base=_part(value["base"]),
        segments=tuple(map(_part, _bounded(value["segments"], _MOST_SEGMENTS))),
    )
    _check(release)
    return release


def _check(release: Release) -> None:
    """Raise ``MalformedInput`` when fields contradict each other."""
    starts = [part.start for part in release.segments]
    if starts != sorted(set(starts), reverse=True) or any(not 1 <= start < release.seq for start in starts):
        raise MalformedInput("the segments of a release do not begin where they should")
    if not 1 <= release.base.start <= release.seq or (starts and min(starts) > release.base.start):
        raise MalformedInput("no segment of a release reaches its base")
    if not starts and release.base.start != release.seq:
        raise MalformedInput("a release has no segment on top of its base")
    if not release.engine[0] <= release.engine[1]:
        raise MalformedInput("a release is for no engine")
    if not release.rings or not increases(release.rings) or release.rings[-1][0] != _PER_MILLE:
        raise MalformedInput("the rings of a release do not widen to all clients")
    if not increases((seq, seq) for seq in (*release.reverts, release.seq)):
        raise MalformedInput("a release reverts what is not before it")


def increases(pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether both numbers grow from pair to pair."""
    listed = list(pairs)
    return all(one[0] < other[0] and one[1] < other[1] for one, other in itertools.pairwise(listed))


def _part(value: dict[str, Any]) -> Part:
    return Part(
        _number(value["start"], 1), _matching(_SHA256, value["content"]), _number(value["bytes"], 1, CONTENT_BYTES)
    )


def _number(value: Any, least: int = 0, most: int = _MOST) -> int:
    if type(value) is not int or not least <= value <= most:
        raise MalformedInput(f"a release.json has {value!r:.40} where a number from {least} to {most} belongs")
    return value


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return _number(first), _number(second)


def _matching(expression: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or expression.fullmatch(value) is None:
        raise MalformedInput(f"a release.json has {value!r:.80} where {expression.pattern} belongs")
    return value


def _known(language: Any) -> str:
    if language not in LANGUAGES:
        raise MalformedInput(f"releases carry no signatures in {language!r:.40}")
    return str(language)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MalformedInput(f"a release.json has {value!r:.40} where true or false belongs")
    return value


def _bounded(value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise MalformedInput(f"a release.json has no list of at most {most} where one belongs")
    return value
