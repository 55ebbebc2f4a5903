"""The status of a file as JSON knows it, for what travels between a service and its clerks."""

import os
from typing import Any

_NANOSECONDS = ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")


def from_status(status: os.stat_result | None) -> list[Any] | None:
    """Return what ``to_status`` understands."""
    return None if status is None else [list(status), {name: getattr(status, name) for name in _NANOSECONDS}]


def to_status(wire: list[Any] | None) -> os.stat_result | None:
    """Return the status again, without what only some systems tell."""
    return None if wire is None else os.stat_result(*wire)
