"""What goes into the pool and what comes out of it."""

import os
from collections import Counter
from typing import NamedTuple

from freehold.model.report import Problem, Report

IMAGE = "oci:"
"""Stands before the name of a container image where a path is expected."""


class Entry:
    """One file to examine.

    Attributes:
        path: as the user would name it, in the file system's own bytes.
        fd: open for reading; the pool closes it. None when the file could not be opened.
        size: in bytes.
        problem: why there is no descriptor.
        name: what a worker gets to know of the path; "" for its last part.
        clean_before: only the newest segments must look at it; see ``sandbox.wire.Job``.
        status: of the file when it was opened; None where nobody could act on it later (standard input).
        all_matches: go on after a detection, whatever the workers were set up for.
        tree: report the artifacts that are inside, too.
        digest: SHA-256 of the content where whoever took it in knows it, else b"".
    """

    __slots__ = ("all_matches", "clean_before", "digest", "fd", "name", "path", "problem", "size", "status", "tree")

    def __init__(
        self,
        path: bytes,
        fd: int | None,
        size: int = 0,
        problem: Problem | None = None,
        status: os.stat_result | None = None,
    ) -> None:
        self.path = path
        self.fd = fd
        self.size = size
        self.problem = problem
        self.status = status
        self.name = ""
        self.clean_before = False
        self.all_matches = False
        self.tree = False
        self.digest = b""


class Known:
    """Files of one folder that need no examination, as they are unchanged since they were found clean.

    Attributes:
        files: how many.
        bytes: their sizes together.
        file_types: files by type.
        each: every one of them with its report as far as it was kept; only where that was asked for.
        restored: further ones, which this very scan examined before it was interrupted; not counted above.
    """

    __slots__ = ("bytes", "each", "file_types", "files", "restored")

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0
        self.file_types: Counter[str] = Counter()
        self.each: list[tuple[bytes, Report]] = []
        self.restored: list[tuple[bytes, Report]] = []


class Finished(NamedTuple):
    """One examined file.

    Attributes:
        path: as in its entry.
        report: what the examination yielded.
        fd: the descriptor that was examined, open until the next file is asked for; None when there was none.
        status: as in its entry.
    """

    path: bytes
    report: Report
    fd: int | None = None
    status: os.stat_result | None = None
