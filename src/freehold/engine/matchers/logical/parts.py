"""Finding one part of a body: a literal that it must contain, then a regular expression at that place."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from freehold.engine.matchers.logical.memory import find
from freehold.engine.matchers.logical.text import RESIDENT, Literal, Text
from freehold.model.body import (
    SEPARATOR_LEFT,
    SEPARATOR_RIGHT,
    Body,
    Bytes,
    Choice,
    Edge,
    Element,
    Gap,
    Mark,
    Neighbour,
    Part,
)
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget

OCCURRENCES = 1 << 18
"""Places of one part in one artifact that are remembered at most."""

_CLOCK = 0xFFF
"""After so many candidates the clock is looked at."""

_RARE = 4
"""Shorter literals are everywhere in programs."""

_NEAR = 64
"""A part that follows within so many bytes is looked for together with the one before it."""

_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_EXPRESSIONS = {
    (Edge.SEPARATOR, False): b"[- /_.<@\\n\\r\"'=>]",
    (Edge.SEPARATOR, True): b"[^- /_.<@\\n\\r\"'=>]",
    (Edge.LINE, False): b"(?:\\n|\\r\\n)",
    (Edge.LINE, True): b"(?!\\r\\n)[^\\n]",
    (Edge.WORD, False): b"[^0-9A-Za-z]",
    (Edge.WORD, True): b"[0-9A-Za-z]",
}


class PartSearch:
    """One part of a body, ready to be looked for.

    Args:
        part: as signatures state it.
        body: whose part it is.
        follower: the gap and the part behind it. Places that this part cannot follow may be left out then.
    """

    __slots__ = (
        "_ahead",
        "_anchor",
        "_anchor_at",
        "_context",
        "_exact",
        "_fixed",
        "_look_ahead",
        "_maximum",
        "_nocase",
        "_part",
        "_regex",
        "_wide",
    )

    def __init__(self, part: Part, body: Body, follower: tuple[Gap, Part] | None = None) -> None:
        self._part = part
        self._look_ahead, self._ahead = _look_ahead(follower, nocase=body.nocase)
        self._nocase = body.nocase
        self._wide = body.wide
        minimum, self._maximum = _widths(part.elements)
        self._fixed = minimum if minimum == self._maximum else None
        self._context = max([2, *(near.maximum + 1 for near in (part.before, part.after) if near is not None)])
        self._anchor, self._anchor_at = _anchor(part.elements)
        if body.nocase:
            self._anchor = self._anchor.lower()
        only = part.elements[0] if len(part.elements) == 1 else None
        self._exact = isinstance(only, Bytes) and not only.mask and not self._look_ahead
        self._regex: re.Pattern[bytes] | None = None  # compiled when it is needed; most parts are literals

    @property
    def literal(self) -> Literal | None:
        """What is looked for first; None when that is an expression, or occurs so often that it is looked for alone."""
        return (self._anchor, self._nocase) if len(self._anchor) >= _RARE else None

    def occurrences(self, text: Text, budget: Budget, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of every place of the part that starts from ``first`` to ``last``, by start.

        Raises:
            LimitReached: there are more than anybody needs, or time is up.
        """
        count = 0
        after = self._maximum + self._context + self._ahead
        for offset, piece, low, high in text.stretches(first, last, self._context, after):
            for start in self._starts(text, piece, low, high, budget):
                if not self._surrounded_before(piece, start, offset):
                    continue
                for end in self._ends(piece, start):
                    if self._surrounded_behind(piece, end, offset, text.size):
                        yield offset + start, offset + end
                        count += 1
                        if count > OCCURRENCES:
                            raise LimitReached("occurrences", OCCURRENCES)

    def covers(self, text: Text, budget: Budget, place: int) -> bool:
        """Whether an occurrence holds the byte at ``place``; raises ``LimitReached``."""
        if self._anchor and not self._nocase and text.size <= RESIDENT:  # mostly enough to say no, and at once
            first, last = place + 1 - self._maximum + self._anchor_at, place + self._anchor_at
            if text.whole().find(self._anchor, max(first, 0), last + len(self._anchor)) < 0:
                return False
        return any(end > place for _, end in self.occurrences(text, budget, place + 1 - self._maximum, place))

    def _starts(self, text: Text, piece: bytes, low: int, high: int, budget: Budget) -> Iterator[int]:
        if len(self._anchor) < 2:
            return self._by_regex(piece, low, high, budget)
        places = text.places((self._anchor, self._nocase), high - low) if len(self._anchor) >= _RARE else None
        if places is not None:
            return self._at(places, piece, low, high)
        return self._by_anchor(text.lower(piece) if self._nocase else piece, piece, low, high, budget)

    def _at(self, places: list[int], piece: bytes, low: int, high: int) -> Iterator[int]:
        at = self._anchor_at
        matches = None if self._exact else self._compiled().match
        for place in places[bisect_left(places, low + at) : bisect_left(places, high + at)]:
            if matches is None or matches(piece, place - at):
                yield place - at

    def _compiled(self) -> re.Pattern[bytes]:
        if self._regex is None:
            self._regex = re.compile(_sequence(self._part.elements, self._nocase) + self._look_ahead, re.DOTALL)
        return self._regex

    def _by_anchor(self, haystack: bytes, piece: bytes, low: int, high: int, budget: Budget) -> Iterator[int]:
        anchor, at = self._anchor, self._anchor_at
        matches = None if self._exact else self._compiled().match
        place = find(haystack, anchor, low + at, high - 1 + at + len(anchor))
        candidates = 0
        while place >= 0:
            if matches is None or matches(piece, place - at):
                yield place - at
            candidates += 1
            if candidates & _CLOCK == 0:
                budget.tick()
            place = find(haystack, anchor, place + 1, high - 1 + at + len(anchor))

    def _by_regex(self, piece: bytes, low: int, high: int, budget: Budget) -> Iterator[int]:
        search = self._compiled().search
        found = search(piece, low)
        candidates = 0
        while found is not None and found.start() < high:
            yield found.start()
            candidates += 1
            if candidates & _CLOCK == 0:
                budget.tick()
            found = search(piece, found.start() + 1)

    def _ends(self, piece: bytes, start: int) -> Sequence[int]:
        if self._fixed is not None:
            return (start + self._fixed,)
        return sorted(_sequence_ends(self._part.elements, self._nocase, piece, start))

    def _surrounded_before(self, piece: bytes, start: int, offset: int) -> bool:
        part = self._part
        if part.left is not None:
            edge = start + offset == 0 or _left_boundary(part.left.kind, piece, start, wide=self._wide)
            if edge == part.left.negated:
                return False
        if part.before is None:
            return True
        near = range(max(0, start - 1 - part.before.maximum), start - part.before.minimum)
        return any(_is_neighbour(part.before, piece[place], nocase=self._nocase) for place in near)

    def _surrounded_behind(self, piece: bytes, end: int, offset: int, size: int) -> bool:
        part = self._part
        if part.right is not None:
            edge = end + offset == size or _right_boundary(part.right.kind, piece, end, wide=self._wide)
            if edge == part.right.negated:
                return False
        if part.after is None:
            return True
        near = range(end + part.after.minimum, min(len(piece), end + part.after.maximum + 1))
        return any(_is_neighbour(part.after, piece[place], nocase=self._nocase) for place in near)


def _left_boundary(kind: Edge, piece: bytes, start: int, *, wide: bool) -> bool:
    byte = piece[start - 1]
    if kind is Edge.LINE:
        return byte == 10
    if kind is Edge.SEPARATOR:
        return byte in SEPARATOR_LEFT
    if wide:
        return start == 1 or not (piece[start - 2] in _WORD and byte == 0)
    return byte not in _WORD


def _right_boundary(kind: Edge, piece: bytes, end: int, *, wide: bool) -> bool:
    byte = piece[end]
    if kind is Edge.LINE:
        return byte == 10 or piece[end : end + 2] == b"\r\n"
    if kind is Edge.SEPARATOR:
        return byte in SEPARATOR_RIGHT
    if wide and end + 1 < len(piece):
        return not (byte in _WORD and piece[end + 1] == 0)
    return byte not in _WORD


def _is_neighbour(neighbour: Neighbour, byte: int, *, nocase: bool) -> bool:
    if nocase and neighbour.mask == 0xFF:
        return bytes((byte,)).lower() == bytes((neighbour.value,)).lower()
    return byte & neighbour.mask == neighbour.value


# Widths and the literal to look for


def _widths(elements: Sequence[Element]) -> tuple[int, int]:
    """Return the smallest and the largest number of bytes that the elements take."""
    minimum = maximum = 0
    for element in elements:
        low, high = _element_widths(element)
        minimum += low
        maximum += high
    return minimum, maximum


def _element_widths(element: Element) -> tuple[int, int]:
    if isinstance(element, Bytes):
        return len(element.value), len(element.value)
    if isinstance(element, Choice):
        widths = [_widths(option) for option in element.options]
        return min(low for low, _ in widths), max(high for _, high in widths)
    return 1, 2 if element.kind is Edge.LINE and not element.negated else 1


def _anchor(elements: Sequence[Element]) -> tuple[bytes, int]:
    """Return the longest run of exact bytes at a fixed distance from the start, and that distance."""
    best, best_at, at = b"", 0, 0
    for element in elements:
        if isinstance(element, Bytes):
            for run_at, run in _exact_runs(element):
                if len(run) > len(best):
                    best, best_at = run, at + run_at
        low, high = _element_widths(element)
        if low != high:
            break
        at += low
    return best, best_at


def _exact_runs(element: Bytes) -> Iterator[tuple[int, bytes]]:
    if not element.mask:
        yield 0, element.value
        return
    for run in re.finditer(rb"\xff+", element.mask):
        yield run.start(), element.value[run.start() : run.end()]


# The part as a regular expression


def _look_ahead(follower: tuple[Gap, Part] | None, *, nocase: bool) -> tuple[bytes, int]:
    """Return an expression that holds where another part can follow, and how far it looks; empty when that is far."""
    if follower is None:
        return b"", 0
    gap, part = follower
    if gap.maximum is None or gap.maximum > _NEAR:
        return b"", 0
    distance = b".{%d,%d}?" % (gap.minimum, gap.maximum)
    return b"(?=%b%b)" % (distance, _sequence(part.elements, nocase)), gap.maximum + _widths(part.elements)[1]


def _sequence(elements: Sequence[Element], nocase: bool) -> bytes:
    return b"".join(_expression(element, nocase) for element in elements)


def _expression(element: Element, nocase: bool) -> bytes:
    if isinstance(element, Bytes):
        return _bytes_expression(element, nocase)
    if isinstance(element, Mark):
        return _EXPRESSIONS[element.kind, element.negated]
    options = b"|".join(_sequence(option, nocase) for option in element.options)
    if element.negated:
        return b"(?!%b).{%d}" % (options, _element_widths(element)[0])
    return b"(?:%b)" % options


def _bytes_expression(element: Bytes, nocase: bool) -> bytes:
    if not element.mask:
        return _exact_expression(element.value, nocase)
    pieces = []
    for run in re.finditer(rb"(?s)(\xff+)|(\x00+)|.", element.mask):
        value = element.value[run.start() : run.end()]
        if run[1]:
            pieces.append(_exact_expression(value, nocase))
        elif run[2]:
            pieces.append(b".{%d}" % len(value))
        else:
            pieces.append(_masked_class(value[0], run[0][0]))
    return b"".join(pieces)


def _exact_expression(value: bytes, nocase: bool) -> bytes:
    return b"(?i:%b)" % re.escape(value) if nocase else re.escape(value)


def _masked_class(value: int, mask: int) -> bytes:
    members = (bytes((byte,)) for byte in range(256) if byte & mask == value)
    return b"[%b]" % b"".join(re.escape(member) for member in members)


# All ends of a part of variable width


def _sequence_ends(elements: Sequence[Element], nocase: bool, piece: bytes, start: int) -> set[int]:
    ends = {start}
    for element in elements:
        ends = {end for position in ends for end in _element_ends(element, nocase, piece, position)}
    return ends


def _element_ends(element: Element, nocase: bool, piece: bytes, position: int) -> set[int]:
    if isinstance(element, Choice) and not element.negated:
        return {end for option in element.options for end in _sequence_ends(option, nocase, piece, position)}
    found = re.compile(_expression(element, nocase), re.DOTALL).match(piece, position)
    return set() if found is None else {found.end()}
