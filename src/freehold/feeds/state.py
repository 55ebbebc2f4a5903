"""Where feeds lie on this machine. Imported by every scan, so it imports next to nothing."""

import os
from pathlib import Path

from freehold.model import places

BUNDLE = "bundle"
"""Name of the compiled database in a feed's folder."""

SYSTEM = Path("/var/lib/freehold/feeds")
"""Where root keeps feeds; they serve all users."""


UPDATER = "freehold-update"
"""The user under whom systemd updates the system's feeds; only root can make one of this name."""


def home() -> Path:
    """Return the folder in which this user's feeds are kept."""
    return places.data("feeds")


def bundles() -> list[Path]:
    """Return the compiled databases of all feeds, the system's first, then this user's, each in order of names.

    Folders that somebody else could have written are passed over: whoever writes a database decides what is found.
    """
    return [bundle for root in dict.fromkeys((SYSTEM, home())) for bundle in _in(root)]


def _in(root: Path) -> list[Path]:
    try:
        status = root.stat()
        if status.st_mode & 0o022 or (status.st_uid not in {0, os.geteuid()} and not _is_updaters(root, status.st_uid)):
            return []
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        return [bundle for name in names if (bundle := root / name / BUNDLE).is_dir()]
    except OSError:
        return []


def _is_updaters(root: Path, uid: int) -> bool:
    if root != SYSTEM:
        return False
    import pwd

    try:
        return pwd.getpwnam(UPDATER).pw_uid == uid
    except KeyError:
        return False
