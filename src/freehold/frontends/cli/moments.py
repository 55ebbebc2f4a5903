"""Options that name a time: so long ago, or a date."""

import argparse
import re
import time
from datetime import datetime

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def age(text: str) -> float:
    """Read a duration like ``90d``, ``12h``, ``30m`` or ``2w`` and return it in seconds."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip().lower())
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a duration; write 30m, 12h, 90d or 2w")
    return int(match[1]) * _UNITS[match[2]]


def moment(text: str) -> float:
    """Read ``7d`` (so long ago) or ISO 8601 (local time unless it says otherwise); return seconds since the epoch."""
    try:
        return time.time() - age(text)
    except argparse.ArgumentTypeError:
        pass
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time; write 7d, 2026-01-31 or 2026-01-31T18:00") from error
