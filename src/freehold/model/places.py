"""Where Freehold keeps what belongs to a user or the system. Every scan imports it, so it imports next to nothing."""

import os
from pathlib import Path


def data(name: str) -> Path:
    """Return this user's folder for data of one kind: below ``$XDG_DATA_HOME`` when that is set, else by user."""
    home = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(home):  # noqa: PTH117 - cheaper
        return Path(home, "freehold", name)
    if os.geteuid() == 0:
        return Path("/var/lib/freehold", name)
    return Path(os.path.expanduser("~"), ".local", "share", "freehold", name)  # noqa: PTH111 - must not raise
