"""Where the lists lie. Imported by every scan, so it imports next to nothing."""

import os
from pathlib import Path

from freehold.model.places import settings

SYSTEM = Path("/etc/freehold/lists.toml")


def own_file() -> Path:
    """Return the file that this user's entries go into."""
    return settings("lists.toml")


def usual_files() -> list[Path]:
    """Return the files that count when they exist: the system's, then the user's."""
    return [path for path in dict.fromkeys((SYSTEM, own_file())) if os.path.exists(path)]  # noqa: PTH110 -- cheaper
