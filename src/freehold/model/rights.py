"""What a feed that is followed may do, as its user has chosen. Every scan imports it, so it imports next to nothing."""

import json
import os
from enum import StrEnum
from pathlib import Path

FOLLOWED = "follow.json"
"""A feed's folder with this file is that of signed releases; it says what the user has chosen for it."""

_BYTES = 1 << 20


class Right(StrEnum):
    """How far the word of a feed counts; each right includes those before it.

    ``REPORT``: what it finds is suspicious, never infected. ``DETECT``: what it finds counts as it says; its allow and
    ignore lists silence its own signatures, never those of others. ``ALLOW``: they silence those of others, too.
    """

    REPORT = "report"
    DETECT = "detect"
    ALLOW = "allow"


def right_of(bundle: Path) -> Right:
    """Return the right of a compiled database: ``ALLOW`` when it is of no followed feed, as the user chose all of it.

    The database of a followed feed lies in ``<feed>/generations/<name>/``, wherever links lead to it from.
    """
    parents = Path(os.path.realpath(bundle)).parents
    return chosen(parents[2]) if len(parents) > 2 else Right.ALLOW


def chosen(feed: Path) -> Right:
    """Return what the user has chosen for the feed in a folder; when that cannot be read, nothing beyond ``DETECT``."""
    try:
        with (feed / FOLLOWED).open("rb") as file:
            return Right(json.loads(file.read(_BYTES))["may"])
    except (FileNotFoundError, NotADirectoryError):
        return Right.ALLOW
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Right.DETECT
