"""Where a match begins. Scanning only tells where it ends, which costs less; this is asked for detections alone."""

from functools import lru_cache

import hyperscan

from freehold.bundle import Root
from freehold.model.view import View

Span = tuple[int, int]
"""Where the evidence begins and ends, in bytes from the artifact's start."""


def locate(view: View, root: Root, expression: int, end: int) -> Span:
    """Return the span of a match of an expression that is known to end at ``end``."""
    regex, flags, shortest, longest = root.expression(expression)
    if shortest == longest:
        return end - longest, end
    before = max(0, end - longest - 1)
    data = view.read(before, end - before + 2)
    exact = _database(regex, flags | hyperscan.HS_FLAG_SOM_LEFTMOST)
    if exact is not None:
        return before + min(_starts(exact, data, end - before), default=end - before - shortest), end
    return before + _narrow(_database(regex, flags), data, end - before, shortest), end


def _narrow(database: hyperscan.Database | None, data: bytes, end: int, shortest: int) -> int:
    """Find the last place from which on the data still has a match with this end, by halving.

    For expressions that are too large for Hyperscan to keep track of where their matches begin.
    """
    low, high = 0, end - shortest
    while low < high:
        middle = (low + high + 1) // 2
        if database is not None and _starts(database, data[middle:], end - middle):
            low = middle
        else:
            high = middle - 1
    return low


def _starts(database: hyperscan.Database, data: bytes, end: int) -> list[int]:
    """Return what Hyperscan says of where the matches with this end begin."""
    starts: list[int] = []

    def on_match(_: int, start: int, stop: int, __: int, ___: object) -> None:
        if stop == end:
            starts.append(start)

    database.scan(data, on_match)
    return starts


@lru_cache(maxsize=256)
def _database(regex: str, flags: int) -> hyperscan.Database | None:
    """Compile one expression; None when it is too large to be compiled with these flags."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=[regex.encode("latin-1")], ids=[0], flags=[flags])
    except hyperscan.error:
        return None
    database.scratch = hyperscan.Scratch(database)
    return database
