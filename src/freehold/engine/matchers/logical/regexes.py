"""Perl-compatible regular expressions of logical signatures, run by PCRE2 under ClamAV's limits."""

from collections.abc import Iterator

import pcre2

from freehold.engine.matchers.logical.bodies import LandmarksOf, anchored_span
from freehold.engine.matchers.logical.text import Text
from freehold.model.body import Anchor, Offset
from freehold.model.errors import LimitReached
from freehold.model.limits import MIB, Budget
from freehold.model.logical import RegexMatch

REGEX_BYTES = 100 * MIB
"""Larger artifacts are not searched with regular expressions."""

_LIMITS = b"(*LIMIT_MATCH=100000)(*LIMIT_DEPTH=2000)"
_OPTIONS = {"i": 0x8, "s": 0x20, "m": 0x400, "x": 0x80, "A": 0x80000000, "E": 0x10, "U": 0x40000}


class RegexSearch:
    """A regular expression, ready to be counted; its trigger is the caller's business."""

    __slots__ = ("_flags", "_offset", "_pattern")

    def __init__(self, match: RegexMatch) -> None:
        self._flags = match.flags
        self._offset = match.offset
        options = sum(_OPTIONS[flag] for flag in match.flags if flag in _OPTIONS)
        self._pattern = pcre2.compile(_LIMITS + match.regex, options, jit=False)

    def count(
        self, text: Text, landmarks: LandmarksOf, budget: Budget, enough: int | None = None
    ) -> tuple[int, list[int]]:
        """Return how often it matches and where; raises ``LimitReached``."""
        starts = []
        for start, _ in self.spans(text, landmarks, budget):
            starts.append(start)
            if enough is not None and len(starts) >= enough:
                break
        return len(starts), starts

    def spans(self, text: Text, landmarks: LandmarksOf, budget: Budget) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of each match that counts; a search that exceeds PCRE's limits has no more."""
        span = _span(self._offset, text.size, landmarks)
        if span is None or not 0 <= span[0] < text.size:
            return
        if text.size > REGEX_BYTES:
            raise LimitReached("regex_bytes", REGEX_BYTES)
        base, shift = span[0], span[1] - span[0]
        floating = self._offset.anchor in (Anchor.ANY, Anchor.VERSION_INFO)
        enclosed = "e" in self._flags and shift > 0
        subject = text.whole()[base : base + shift] if enclosed else text.whole()[base:] if base else text.whole()
        anchored = not floating and not shift and "r" not in self._flags
        previous = -1
        for start, end in self._matches(subject, budget, anchored=anchored):
            if not floating and not enclosed and "e" not in self._flags and shift and start > shift:
                return
            if start > previous:
                yield base + start, base + end
            previous = start

    def _matches(self, subject: bytes, budget: Budget, *, anchored: bool) -> Iterator[tuple[int, int]]:
        find = self._pattern.match if anchored else self._pattern.search
        position = 0
        while True:
            budget.tick()
            try:
                found = find(subject, position)
            except pcre2.LibraryError:
                return
            if found is None:
                return
            start, end = found.span()
            yield start, end
            if "g" not in self._flags or end >= len(subject) or start == end == position:
                return
            position = end


def _span(offset: Offset, size: int, landmarks: LandmarksOf) -> tuple[int, int] | None:
    if offset.anchor in (Anchor.ANY, Anchor.VERSION_INFO):
        return 0, 0
    if offset.anchor is Anchor.START:
        return offset.value, offset.value + offset.shift
    known = landmarks()
    return None if known is None else anchored_span(offset, size, known)
