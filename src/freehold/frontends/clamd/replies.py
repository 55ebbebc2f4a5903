"""The words of clamd's answers."""

from collections.abc import Iterator
from enum import StrEnum

from freehold.frontends.judgement import OUR_FAILURES, decisive, gravest, one_line, one_word
from freehold.model.report import Report

UNKNOWN = b"UNKNOWN COMMAND"
UNAVAILABLE = b"COMMAND UNAVAILABLE"
TIMED_OUT = b"COMMAND READ TIMED OUT\n"
NOT_IN_SESSION = b"Command invalid inside IDSESSION. ERROR"
STREAM_TOO_LONG = b"INSTREAM size limit exceeded. ERROR"
NO_ROOM = b"INSTREAM: Can't write to temporary file. ERROR"
NO_DESCRIPTOR = b"No file descriptor received. ERROR"


class Incomplete(StrEnum):
    """What is answered about content that could not be examined completely, and in which nothing was found."""

    ERROR = "error"
    OK = "ok"
    FOUND = "found"


def verdict(label: bytes, report: Report, policy: Incomplete, *, all_matches: bool = False) -> Iterator[bytes]:
    """Yield the answer about one file, a line for each detection when all are wanted; nothing when it is clean.

    Args:
        label: what stands before the colon.
        report: of the examination.
        policy: for what is incomplete.
        all_matches: name every signature, not only the one that decides.
    """
    if report.detections:
        first = decisive(report)
        names = dict.fromkeys([*first, *(d.name for d in report.detections)] if all_matches else first[:1])
        for name in names:
            yield b"%s: %s FOUND" % (label, one_word(name).encode())
    elif report.problems:
        problem = gravest(report)
        if problem.kind in OUR_FAILURES or policy is Incomplete.ERROR:
            yield b"%s: Not fully examined: %s: %s ERROR" % (
                label,
                problem.kind.encode(),
                one_line(problem.detail).encode(),
            )
        elif policy is Incomplete.FOUND:
            yield b"%s: Freehold.Incomplete.%s FOUND" % (label, problem.kind.capitalize().encode())


def path_label(path: bytes, end: bytes) -> bytes:
    """Return a path as answers name it: a newline in it must not begin an answer of its own."""
    return path.replace(b"\n", b"\\n") if end == b"\n" else path
