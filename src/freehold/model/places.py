"""Where Freehold keeps what belongs to a user or the system. Every scan imports it, so it imports next to nothing."""

import os
from pathlib import Path


def data(name: str) -> Path:
    """Return this user's folder for data of one kind: below ``$XDG_DATA_HOME`` when that is set, else by user."""
    return _own("XDG_DATA_HOME", "/var/lib/freehold", "~/.local/share/freehold") / name


def state(name: str) -> Path:
    """Return this user's file for what is noted down: below ``$XDG_STATE_HOME`` when that is set, else by user."""
    return _own("XDG_STATE_HOME", "/var/lib/freehold", "~/.local/state/freehold") / name


def settings(name: str) -> Path:
    """Return this user's file of settings: below ``$XDG_CONFIG_HOME`` when that is set, else by user."""
    return _own("XDG_CONFIG_HOME", "/etc/freehold", "~/.config/freehold") / name


def _own(variable: str, system: str, home: str) -> Path:
    given = os.environ.get(variable, "")
    if os.path.isabs(given):  # noqa: PTH117 - cheaper
        return Path(given, "freehold")
    if os.geteuid() == 0:
        return Path(system)
    return Path(os.path.expanduser(home))  # noqa: PTH111 - must not raise
