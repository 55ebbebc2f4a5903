"""Where a system says what is installed in it: this machine's root, or a mounted one.

Links lead where they would lead in that system (``rooted``). What cannot be listed or opened is a problem: what nobody
could look at is not absent.
"""

import errno
import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.model.report import Problem, ProblemKind
from freehold.service.audit.rooted import named, resolve
from freehold.service.entry import Entry

MOST = 200_000
"""Names that one pattern may yield."""

_TABLE = Path(__file__).with_name("places.tsv")
_MARKS = ("/etc", "/usr", "/var/lib", "/Windows/System32", "/System/Library", "/bin")
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Place(NamedTuple):
    """Something that is there.

    Attributes:
        path: from the root of the system, with a slash in front.
        real: where it lies for this process.
        content: whether a worker should look into it.
    """

    path: str
    real: str
    content: bool


def is_system(root: Path) -> bool:
    """Whether a folder looks like the root of a system."""
    return sum(resolve(_top(root), mark) is not None for mark in _MARKS) >= 2


def places(root: Path, indicated: Iterable[str] = ()) -> Iterator[Place | Problem]:
    """Yield what there is of the table and of the paths that indicators name, each once, and what cannot be looked at.

    Args:
        root: of the system.
        indicated: paths, from the root; ``*`` stands for anything within one name.
    """
    seen: set[str] = set()
    refused: set[str] = set()
    for pattern, content in [*_table(), *((path.lstrip("/"), False) for path in indicated)]:
        count = 0
        for found in _matches(_top(root), pattern.split("/"), ""):
            if isinstance(found, Problem):
                if found.artifact not in refused:
                    refused.add(found.artifact)
                    yield found
                continue
            count += 1
            if count > MOST:
                yield Problem(ProblemKind.LIMIT, f"/{pattern}", f"more than {MOST:,} names; the others were left out")
                break
            real = resolve(_top(root), found) if content else _top(root) + found
            if found not in seen and real is not None:
                seen.add(found)
                yield Place(found, real, content and not os.path.isdir(real))  # noqa: PTH112 - there are many


def entry(place: Place) -> Entry:
    """Open a place for a worker, which gets to know its path in the system."""
    path = os.fsencode(place.real)
    try:
        fd = os.open(place.real, _OPEN)
        status = os.fstat(fd)
    except OSError as error:
        problem = Problem(ProblemKind.UNREADABLE, place.path, error.strerror or str(error))
        return Entry(path, None, problem=problem)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return Entry(path, None, problem=Problem(ProblemKind.UNREADABLE, place.path, "is not a file"))
    found = Entry(path, fd, status.st_size, status=status)
    found.name = place.path
    return found


def _top(root: Path) -> str:
    return os.path.realpath(root).rstrip("/")


def _table() -> Iterator[tuple[str, bool]]:
    for line in _TABLE.read_text("ascii").splitlines():
        if not line.startswith("#"):
            how, _, pattern = line.partition("\t")
            yield pattern, how == "content"


def _matches(top: str, parts: list[str], path: str) -> Iterator[str | Problem]:
    """Yield paths below the root that match the parts of a pattern; the last part may be a link that leads nowhere."""
    first, *rest = parts
    folder = resolve(top, path)
    if folder is None:
        return
    if not set(first) & set("*?"):
        there = named(folder.rstrip("/"), first)
        names = [there.rpartition("/")[2]] if there else []
    else:
        try:
            with os.scandir(folder) as entries:
                names = sorted(
                    item.name for item in entries if fnmatch.fnmatchcase(item.name.casefold(), first.casefold())
                )
        except OSError as error:
            if error.errno not in _ABSENT:
                yield Problem(ProblemKind.UNREADABLE, path or "/", error.strerror or str(error))
            return
    for name in names:
        if rest:
            yield from _matches(top, rest, f"{path}/{name}")
        else:
            yield f"{path}/{name}"
