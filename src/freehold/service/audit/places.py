"""Where a system says what is installed in it: this machine's root, or a mounted one.

Links are followed only while they stay below the root (a mounted system may point anywhere), and every file is opened
relative to it.
"""

import fnmatch
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.model.report import Problem, ProblemKind
from freehold.service.entry import Entry

MOST = 200_000
"""Names that one pattern may yield."""

_TABLE = Path(__file__).with_name("places.tsv")
_MARKS = ("etc", "usr", "var/lib", "Windows/System32", "System/Library", "bin")
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


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
    return sum((root / mark).is_dir() for mark in _MARKS) >= 2


def places(root: Path) -> Iterator[Place]:
    """Yield what there is of the table, each once."""
    seen: set[str] = set()
    top = os.path.realpath(root)
    for line in _TABLE.read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        how, pattern = line.split("\t")
        for count, path in enumerate(_matches(top, pattern.split("/"), "")):
            if count >= MOST:
                break
            if path not in seen:
                seen.add(path)
                yield Place(path, top.rstrip("/") + path, how == "content")


def exists(root: Path, path: str) -> bool:
    """Whether there is a file or folder at a path from the root."""
    top = os.path.realpath(root)
    return _inside(top, top.rstrip("/") + path)


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


def _matches(top: str, parts: list[str], path: str) -> Iterator[str]:
    """Yield paths below the root that match the parts of a pattern."""
    if not parts:
        yield path
        return
    first, *rest = parts
    if not set(first) & set("*?"):
        if _inside(top, f"{top.rstrip('/')}{path}/{first}"):
            yield from _matches(top, rest, f"{path}/{first}")
        return
    try:
        with os.scandir(top.rstrip("/") + path) as entries:
            names = sorted(item.name for item in entries if fnmatch.fnmatchcase(item.name, first))
    except OSError:
        return
    for name in names:
        if _inside(top, f"{top.rstrip('/')}{path}/{name}"):
            yield from _matches(top, rest, f"{path}/{name}")


def _inside(top: str, path: str) -> bool:
    """Whether something is there, and no link leads out of the root to it."""
    if not os.path.exists(path):  # noqa: PTH110 - there are many
        return False
    return top == "/" or os.path.realpath(path).startswith(top.rstrip("/") + "/")
