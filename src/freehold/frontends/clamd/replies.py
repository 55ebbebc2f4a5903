"""The words of clamd's answers."""

import re
from collections.abc import Iterator
from enum import StrEnum

from freehold.model.report import ProblemKind, Report

UNKNOWN = b"UNKNOWN COMMAND"
UNAVAILABLE = b"COMMAND UNAVAILABLE"
TIMED_OUT = b"COMMAND READ TIMED OUT\n"
NOT_IN_SESSION = b"Command invalid inside IDSESSION. ERROR"
STREAM_TOO_LONG = b"INSTREAM size limit exceeded. ERROR"
NO_DESCRIPTOR = b"No file descriptor received. ERROR"

_LONGEST_TEXT = 300


class Incomplete(StrEnum):
    """What is answered about content that could not be examined completely, and in which nothing was found."""

    ERROR = "error"
    OK = "ok"
    FOUND = "found"


OUR_FAILURES = frozenset(
    {ProblemKind.CRASHED, ProblemKind.TIMEOUT, ProblemKind.INTERNAL, ProblemKind.UNREADABLE, ProblemKind.CHANGED}
)
"""Problems that say nothing about the content: they are errors, whatever ``Incomplete`` says."""


def verdict(label: bytes, report: Report, policy: Incomplete, *, all_matches: bool = False) -> Iterator[bytes]:
    """Yield the answer about one file, a line for each detection when all are wanted; nothing when it is clean.

    Args:
        label: what stands before the colon.
        report: of the examination.
        policy: for what is incomplete.
        all_matches: name every signature, not only the one that decides.
    """
    if report.detections:
        decisive = [d.name for d in report.detections if d.verdict is report.verdict]
        names = dict.fromkeys([*decisive, *(d.name for d in report.detections)] if all_matches else decisive[:1])
        for name in names:
            yield b"%s: %s FOUND" % (label, _word(name))
    elif report.problems:
        serious = [problem for problem in report.problems if problem.kind in OUR_FAILURES]
        problem = (serious or report.problems)[0]
        if serious or policy is Incomplete.ERROR:
            yield b"%s: Not fully examined: %s: %s ERROR" % (label, problem.kind.encode(), text(problem.detail))
        elif policy is Incomplete.FOUND:
            yield b"%s: Freehold.Incomplete.%s FOUND" % (label, problem.kind.capitalize().encode())


def text(words: str) -> bytes:
    """Return a text that may come from a worker as one line that cannot be taken for several answers."""
    return re.sub(r"[^ -~]+", "?", words)[:_LONGEST_TEXT].strip().encode("ascii")


def path_label(path: bytes, end: bytes) -> bytes:
    """Return a path as answers name it: a newline in it must not begin an answer of its own."""
    return path.replace(b"\n", b"\\n") if end == b"\n" else path


def _word(name: str) -> bytes:
    return re.sub(r"[^!-~]+", "_", name)[:_LONGEST_TEXT].encode("ascii") or b"_"
