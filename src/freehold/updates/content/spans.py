"""Which segments a release has, and which of them a client takes.

Release n has segments from n-1, n-2, n-4 … to n, the last from release 1 or from n-256. A client at m takes the one
with the smallest span that reaches back to m or further: whoever has any state between its ends has exactly the state
of n after it. Older clients, and new ones, take the base of the epoch and one segment on top.
"""

from collections.abc import Sequence

from freehold.updates.content.entries import tombstone
from freehold.updates.content.releases import Part, Release
from freehold.updates.content.segments import Segment

LONGEST = 256
"""Releases that a segment spans at most, and so the longest epoch."""


def starts(seq: int) -> list[int]:
    """Return the releases from which release ``seq`` has segments, the nearest first."""
    found: list[int] = []
    span = 1
    while span <= LONGEST and (not found or found[-1] > 1) and seq > 1:
        found.append(max(seq - span, 1))
        span *= 2
    return found


def chosen(release: Release, have: int) -> Sequence[Part]:
    """Return what a client that has release ``have`` (0 for none) takes to get to a release, in this order.

    Nothing when it is there already; one segment where one reaches back to it; else the base, and a segment on top
    unless the base is of this very release.
    """
    if have == release.seq:
        return ()
    if have:
        for part in release.segments:
            if part.start <= have:
                return (part,)
    above = tuple(part for part in release.segments if part.start <= release.base.start)[:1]
    return (release.base, *above) if release.base.start < release.seq else (release.base,)


def composed(earlier: Segment, later: Segment) -> Segment:
    """Return the one segment that does what two do, of which the second begins where the first ends."""
    gone = later.removed
    again = {entry.id for entry in later.added}
    kept = [entry for entry in earlier.added if tombstone(entry.id) not in gone and entry.id not in again]
    back = {tombstone(identity) for identity in again}
    return Segment([*kept, *later.added], frozenset((earlier.removed | gone) - back))
