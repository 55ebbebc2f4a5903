"""What goes into the pool and what comes out of it."""

from typing import NamedTuple

from freehold.model.report import Problem, Report


class Entry:
    """One file to examine.

    Attributes:
        path: as the user would name it, in the file system's own bytes.
        fd: open for reading; the pool closes it. None when the file could not be opened.
        size: in bytes.
        problem: why there is no descriptor.
    """

    __slots__ = ("fd", "path", "problem", "size")

    def __init__(self, path: bytes, fd: int | None, size: int = 0, problem: Problem | None = None) -> None:
        self.path = path
        self.fd = fd
        self.size = size
        self.problem = problem


class Finished(NamedTuple):
    """One examined file."""

    path: bytes
    report: Report
