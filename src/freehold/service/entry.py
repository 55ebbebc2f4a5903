"""What goes into the pool and what comes out of it."""

from dataclasses import dataclass

from freehold.model.report import Problem, Report


@dataclass(slots=True)
class Entry:
    """One file to examine.

    Attributes:
        path: as the user would name it, in the file system's own bytes.
        fd: open for reading; the pool closes it. None when the file could not be opened.
        size: in bytes.
        problem: why there is no descriptor.
    """

    path: bytes
    fd: int | None
    size: int = 0
    problem: Problem | None = None


@dataclass(slots=True)
class Finished:
    """One examined file."""

    path: bytes
    report: Report
