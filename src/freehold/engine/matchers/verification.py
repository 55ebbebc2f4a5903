"""Whether a pattern really occurs, and where: Hyperscan only says that it may."""

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

_CONTEXT = 2
"""Bytes on either side of a match that ``^``, ``$`` and word boundaries look at."""


class Verifier:
    """Searches with one pattern."""

    __slots__ = ("_longest", "_search")

    def __init__(self, pattern: Pattern) -> None:
        regex, flags, self._longest = pattern
        limited = b"(*LIMIT_MATCH=%d)%b" % (STEPS, regex.encode("latin-1"))
        self._search = pcre2.compile(limited, flags, jit=False).search

    def first(self, view: View, budget: Budget) -> Span | None:
        """Return where the pattern first occurs; raises ``LimitReached``."""
        margin = self._longest + _CONTEXT
        done = 0
        for offset, window in view.windows(margin + _CONTEXT):
            data = bytes(window)
            end = len(data) if offset + len(data) == view.size else len(data) - margin
            for begin in range(done - offset, end, _PIECE):
                stop = min(begin + _PIECE, end)
                span = self._between(data, begin, stop, stop + margin, budget)
                if span is not None:
                    return offset + span[0], offset + span[1]
            done = offset + end
        return None

    def _between(self, data: bytes, begin: int, stop: int, visible: int, budget: Budget) -> Span | None:
        """Find a match that starts from ``begin`` on, before ``stop``; it may end, and look, as far as ``visible``."""
        budget.tick()
        try:
            found = self._search(data, begin, visible)
        except pcre2.LibraryError as error:
            raise LimitReached("regex_steps", STEPS) from error
        if found is None or found.start() >= stop:
            return None
        start, end = found.span()
        return start, end
