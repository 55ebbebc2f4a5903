"""When a release is taken: not by everybody at once, so that a bad one is noticed while few have it.

Which clients come first is drawn from bytes that never leave this machine: no server can choose who gets what. The
schedule itself is signed with the release.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

PER_MILLE = 1000


def place(secret: bytes, feed: str, now: int) -> int:
    """Return this client's place in a queue of a thousand, from 0; it is drawn anew each month."""
    month = datetime.fromtimestamp(now, UTC).strftime("%Y-%m")
    drawn = hmac.digest(secret, f"ring {feed} {month}".encode(), hashlib.sha256)
    return int.from_bytes(drawn[:8]) % PER_MILLE


def due(rings: Sequence[tuple[int, int]], published: int, own: int) -> int:
    """Return the time from which a client takes a release.

    Args:
        rings: (clients of a thousand, seconds after publication), widening; the last is all.
        published: seconds since 1970.
        own: this client's place in the queue.
    """
    return published + next((seconds for share, seconds in rings if own < share), rings[-1][1])
