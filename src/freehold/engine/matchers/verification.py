"""Whether a pattern really occurs, and where: Hyperscan only says that it may."""

from collections.abc import Sequence

import pcre2

from freehold.bundle.rules import Pattern
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget
from freehold.model.view import View

Span = tuple[int, int]
"""Where the evidence begins and ends, in bytes from the artifact's start."""

STEPS = 1_000_000
"""Steps that PCRE may take from one place on; only content that was made for it needs more."""

_PIECE = 1 << 16
"""Bytes that are searched between two looks at the clock."""

MOST_PLACES = 1024
"""Places that are told apart for one needle; when there are more, neighbours become one."""

_CONTEXT = 2
"""Bytes on either side of a match that ``^``, ``$`` and word boundaries look at."""


class Places:
    """Ranges of an artifact in which something was found, ascending; those that touch become one."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Add a range that begins and ends behind all others."""
        if self.ends and start <= self.ends[-1]:
            self.ends[-1] = end
            return
        if len(self.ends) >= MOST_PLACES:
            del self.starts[1::2], self.ends[::2]
        self.starts.append(start)
        self.ends.append(end)


class Verifier:
    """Searches with one pattern."""

    __slots__ = ("_longest", "_search")

    def __init__(self, pattern: Pattern) -> None:
        regex, flags, self._longest = pattern
        limited = b"(*LIMIT_MATCH=%d)%b" % (STEPS, regex.encode("latin-1"))
        self._search = pcre2.compile(limited, flags, jit=False).search

    def first(self, view: View, places: Sequence[Places], budget: Budget) -> Span | None:
        """Return where the pattern first occurs, given where its needles occur; raises ``LimitReached``."""
        done = 0
        for start, end in _merged(places):
            for begin in range(max(start - self._longest, done), end, _PIECE):
                done = min(begin + _PIECE, end)
                span = self._between(view, begin, done, budget)
                if span is not None:
                    return span
        return None

    def _between(self, view: View, begin: int, end: int, budget: Budget) -> Span | None:
        """Find a match that starts from ``begin`` on, before ``end``."""
        budget.tick()
        base = max(begin - _CONTEXT, 0)
        data = view.read(base, end - base + self._longest + _CONTEXT)
        try:
            found = self._search(data, begin - base)
        except pcre2.LibraryError as error:
            raise LimitReached("regex_steps", STEPS) from error
        if found is None or base + found.start() >= end:
            return None
        start, stop = found.span()
        return base + start, base + stop


def _merged(places: Sequence[Places]) -> list[Span]:
    """Return the ranges of all places, ascending by their start."""
    return sorted(span for place in places for span in zip(place.starts, place.ends, strict=True))
