"""Where a match begins. Scanning only tells where it ends, which costs less; this is asked for detections alone."""

from functools import lru_cache

import hyperscan

from freehold.bundle import Root
from freehold.model.view import View

Span = tuple[int, int]
"""Where the evidence begins and ends, in bytes from the artifact's start."""


def locate(view: View, root: Root, expression: int, end: int) -> Span:
    """Return the span of a match of an expression that ends at ``end``: the one that begins first."""
    regex, flags, shortest, longest = root.expression(expression)
    if shortest == longest:
        return end - longest, end
    before = max(0, end - longest - 1)
    database = _database(regex, flags)
    starts: list[int] = []
    if database is not None:

        def on_match(_: int, start: int, stop: int, __: int, ___: object) -> None:
            if before + stop == end:
                starts.append(before + start)

        database.scan(view.read(before, end - before + 2), on_match)
    return min(starts, default=end - shortest), end


@lru_cache(maxsize=256)
def _database(regex: str, flags: int) -> hyperscan.Database | None:
    """Compile an expression so that it tells where matches begin; None when it is too large for that."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=[regex.encode("latin-1")], ids=[0], flags=[flags | hyperscan.HS_FLAG_SOM_LEFTMOST])
    except hyperscan.error:
        return None
    database.scratch = hyperscan.Scratch(database)
    return database
