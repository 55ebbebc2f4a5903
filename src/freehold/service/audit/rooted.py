"""Paths of a system that may be mounted elsewhere: links lead where they would lead in that system, never out of it.

As with ``openat2(2)`` and ``RESOLVE_IN_ROOT``, but names that differ in nothing but case are taken for each other where
the very name is not there: the tables and packs are written in one case, Windows' names come in any.
"""

import os
from collections import deque
from functools import lru_cache

_MOST_LINKS = 40
"""As in Linux; more are taken for a loop."""


def resolve(root: str, path: str) -> str | None:
    """Return where a path of a system lies for this process, None when there is nothing.

    Args:
        root: of the system, without a slash at its end; "" for this machine.
        path: from there, with a slash in front.
    """
    parts = deque(path.split("/"))
    place: list[str] = []
    links = 0
    while parts:
        part = parts.popleft()
        if part in {"", "."}:
            continue
        if part == "..":
            del place[-1:]
            continue
        here = named(root + "".join(f"/{name}" for name in place), part)
        if here is None:
            return None
        try:
            target = os.readlink(here)  # noqa: PTH115 - there are many
        except OSError:  # no link
            place.append(here.rpartition("/")[2])
            continue
        links += 1
        if links > _MOST_LINKS:
            return None
        parts.extendleft(reversed(target.split("/")))
        if target.startswith("/"):
            place.clear()
    return root + "".join(f"/{name}" for name in place) or "/"


def named(folder: str, name: str) -> str | None:
    """Return the path of what bears a name in a folder, whatever the case of its letters; None when nothing does."""
    exact = f"{folder}/{name}"
    if os.path.lexists(exact):
        return exact
    other = _folded(folder or "/").get(name.casefold())
    return f"{folder}/{other}" if other else None


@lru_cache(maxsize=64)
def _folded(folder: str) -> dict[str, str]:
    """Return the names in a folder by their folded form."""
    try:
        return {name.casefold(): name for name in os.listdir(folder)}  # noqa: PTH208 - names are wanted
    except OSError:
        return {}
