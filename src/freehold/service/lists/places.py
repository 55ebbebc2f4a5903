"""Where the lists lie. Imported by every scan, so it imports next to nothing."""

import os
from pathlib import Path

SYSTEM = Path("/etc/freehold/lists.toml")
NAME = Path("freehold", "lists.toml")


def own_file() -> Path:
    """Return the file that this user's entries go into."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(home):  # noqa: PTH117 -- cheaper
        return Path(home) / NAME
    if os.geteuid() == 0:
        return SYSTEM
    return Path(os.path.expanduser("~/.config")) / NAME  # noqa: PTH111 -- must not raise


def usual_files() -> list[Path]:
    """Return the files that count when they exist: the system's, then the user's."""
    return [path for path in dict.fromkeys((SYSTEM, own_file())) if os.path.exists(path)]  # noqa: PTH110 -- cheaper
