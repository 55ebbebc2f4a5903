"""Walks through the file system that clerks do for a service: its own loop never asks a file system for anything."""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from freehold.model.report import Problem, ProblemKind
from freehold.service.clerks import ClerkLost, Clerks, Errand, Errands, Item
from freehold.service.entry import Entry
from freehold.service.statuses import from_status, to_status
from freehold.service.walk import Walk, WalkOptions


def errands() -> Errands:
    """Return what clerks must be able to do for ``walked``."""
    return {"walk": _walk}


class Obstacle(Exception):
    """A path cannot be walked: its text says why, in the system's words; "" for what is neither file nor folder."""


class Walked:
    """Entries of one walk, as they come; whoever takes one owns its descriptor.

    Raises:
        ClerkLost: the walk cannot go on.
    """

    def __init__(self, errand: Errand) -> None:
        self._errand = errand

    async def next(self) -> Entry | None:
        """Return the next entry, None at the end."""
        item = await anext(self._errand, None)
        if item is None:
            return None
        path, size, status, problem = item.values
        found = Problem(ProblemKind(problem[0]), *problem[1:]) if problem else None
        return Entry(os.fsencode(path), item.fd if item.fd >= 0 else None, size, found, to_status(status))


@asynccontextmanager
async def walked(clerks: Clerks, path: bytes, options: WalkOptions, ahead: int) -> AsyncIterator[Walked]:
    """Walk through a file or folder.

    Args:
        clerks: who walks.
        path: absolute.
        options: what is entered.
        ahead: files that may be opened before they are asked for.

    Raises:
        Obstacle: there is nothing to walk through.
        ClerkLost: nobody can walk.
    """
    async with clerks.errand("walk", os.fsdecode(path), options, ahead=ahead + 1) as errand:
        if not (first := await anext(errand, None)):
            raise ClerkLost("the walk did not begin")
        if first.values:
            raise Obstacle(*first.values)
        yield Walked(errand)


def _walk(_fd: int, path: str, options: list[Any]) -> Iterator[Item]:
    """Say what is in the way, or nothing; then one entry after the other."""
    named = os.fsencode(path)
    try:
        mode = os.stat(named).st_mode  # noqa: PTH116 - paths are bytes
    except (OSError, ValueError) as error:
        yield Item([getattr(error, "strerror", None) or str(error)])
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        yield Item([""])
        return
    yield Item([])
    exclude, *rest = options
    for entry in Walk(WalkOptions(tuple(exclude), *rest)).entries([os.path.realpath(named)]):
        fd = -1 if entry.fd is None else entry.fd
        yield Item([os.fsdecode(entry.path), entry.size, from_status(entry.status), entry.problem], fd)
