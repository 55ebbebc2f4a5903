"""Finding a body: its parts in order, at the distances that its gaps allow."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from freehold.engine.matchers.logical.parts import PartSearch
from freehold.engine.matchers.logical.text import Literal, Text
from freehold.model.body import Anchor, Body, Gap, Landmarks, Offset
from freehold.model.limits import Budget
from freehold.model.logical import BodyMatch

_APART = 1 << 12
"""Searching so many bytes costs as much as beginning another search."""

LandmarksOf = Callable[[], Landmarks | None]
"""Finds out where an artifact's landmarks are, when somebody asks; None: its header cannot be parsed."""


class BodySearch:
    """A body subsignature, ready to be counted."""

    __slots__ = ("_forms", "_offset")

    def __init__(self, match: BodyMatch) -> None:
        self._offset = match.offset
        self._forms = [(body, _part_searches(body)) for body in match.forms]

    def count(
        self, text: Text, landmarks: LandmarksOf, budget: Budget, enough: int | None = None
    ) -> tuple[int, list[int]]:
        """Return how often it matches and where its first parts start, in order.

        Args:
            text: what to look at.
            landmarks: asked only when the offset needs them.
            budget: raises ``LimitReached``.
            enough: the count may stop there; None counts all.
        """
        single: set[int] = set()
        several = 0
        firsts: list[int] = []
        for body, searches in self._forms:
            if len(searches) == 1:
                single.update(self._single(searches[0], text, landmarks, budget, enough))
            else:
                chains = self._chains(body, searches, text, landmarks, budget)
                several += len({start for _, start, _ in chains})
                firsts += (first for first, _, _ in chains)
            if enough is not None and len(single) + several >= enough:
                break
        return len(single) + several, sorted([*single, *firsts])

    def literals(self) -> Iterator[Literal]:
        """Yield what is looked for first of each of its parts, wherever the offset allows a long search."""
        if self._offset.anchor is Anchor.ANY:
            for _, searches in self._forms:
                yield from (search.literal for search in searches if search.literal is not None)

    def may_occur(self, text: Text, budget: Budget, places: Sequence[int]) -> bool:
        """Whether one of its parts holds the byte at one of these places; raises ``LimitReached``."""
        parts = [part for _, searches in self._forms for part in searches]
        return any(part.covers(text, budget, place) for place in places for part in parts)

    def _single(
        self, search: PartSearch, text: Text, landmarks: LandmarksOf, budget: Budget, enough: int | None
    ) -> set[int]:
        starts: set[int] = set()
        for first, last in _spans(self._offset, text.size, landmarks):
            for start, _ in search.occurrences(text, budget, first, last):
                starts.add(start)
                if enough is not None and len(starts) >= enough:
                    return starts
        return starts

    def _chains(
        self, body: Body, searches: list[PartSearch], text: Text, landmarks: LandmarksOf, budget: Budget
    ) -> list[tuple[int, int, int]]:
        """Return (start of the first part, start and end of the last) for every last part that a chain leads to."""
        chains = sorted(
            (start, start, end)
            for first, last in _spans(self._offset, text.size, landmarks)
            for start, end in searches[0].occurrences(text, budget, first, last)
        )
        for gap, search in zip(body.gaps, searches[1:], strict=True):
            if not chains:
                break
            chains = _extend(chains, gap, search, text, budget)
        return chains


def _extend(
    chains: list[tuple[int, int, int]], gap: Gap, search: PartSearch, text: Text, budget: Budget
) -> list[tuple[int, int, int]]:
    by_end = sorted((end, first) for first, _, end in chains)
    ends = [end for end, _ in by_end]
    extended = []
    for nearest, furthest in _reach(ends, gap, text.size):
        for start, end in search.occurrences(text, budget, nearest, furthest):
            earliest = 0 if gap.maximum is None else bisect_left(ends, start - gap.maximum)
            if earliest < len(ends) and ends[earliest] <= start - gap.minimum:
                extended.append((by_end[earliest][1], start, end))
    return extended


def _reach(ends: Sequence[int], gap: Gap, size: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of starts that a gap leads to from these ends, ascending; near ones are made one."""
    if gap.maximum is None:
        yield ends[0] + gap.minimum, size
        return
    first = last = ends[0]
    for end in ends:
        if end - last > gap.maximum + _APART:
            yield first + gap.minimum, last + gap.maximum
            first = end
        last = end
    yield first + gap.minimum, last + gap.maximum


def _part_searches(body: Body) -> list[PartSearch]:
    if len(body.parts) == 1:
        return [PartSearch(body.parts[0], body)]
    first = PartSearch(body.parts[0], body, (body.gaps[0], body.parts[1]))
    return [first, *(PartSearch(part, body) for part in body.parts[1:])]


def _spans(offset: Offset, size: int, landmarks: LandmarksOf) -> list[tuple[int, int]]:
    """Return the ranges of starts that an offset allows, both ends included."""
    if offset.anchor is Anchor.ANY:
        return [(0, size)]
    if offset.anchor is Anchor.START:
        return [(offset.value, offset.value + offset.shift)]
    known = landmarks()
    if known is None:
        return []
    if offset.anchor is Anchor.VERSION_INFO:
        return [(start, start) for start in sorted(known.version_info)]
    span = anchored_span(offset, size, known)
    return [] if span is None else [span]


def anchored_span(offset: Offset, size: int, known: Landmarks) -> tuple[int, int] | None:
    """Return the first and last start for an offset from the end, the entry point or a section; None: there is none."""
    base: int | None = None
    if offset.anchor is Anchor.END:
        base = size
    elif offset.anchor is Anchor.ENTRY:
        base = known.entry_point
    elif offset.anchor is Anchor.LAST_SECTION:
        base = known.sections[-1][0] if known.sections else None
    elif offset.number < len(known.sections):
        base, length = known.sections[offset.number]
        if offset.anchor is Anchor.SECTION_EXTENT:
            return base, base + length + offset.shift
    return None if base is None else (base + offset.value, base + offset.value + offset.shift)
