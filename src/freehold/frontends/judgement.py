"""What a report means for whoever waits for an answer, and words of strangers in one line."""

import re
from enum import Enum
from typing import NamedTuple

from freehold.model.report import Problem, ProblemKind, Report

OUR_FAILURES = frozenset(
    {ProblemKind.CRASHED, ProblemKind.TIMEOUT, ProblemKind.INTERNAL, ProblemKind.UNREADABLE, ProblemKind.CHANGED}
)
"""Problems that say nothing about the content: they are errors, whatever is to be done with what is incomplete."""

_LONGEST_TEXT = 300


class Outcome(Enum):
    """What became of a request."""

    CLEAN = "clean"
    FOUND = "found"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class Judgement(NamedTuple):
    """What a report means, in words that fit into a line of a protocol.

    Attributes:
        outcome: in one word; ``FAILED`` is what Freehold itself failed at.
        name: of the signature that decides, "" when nothing was found.
        detail: why something was not examined, "" when all was.
        kind: of the problem that ``detail`` tells; None when there is none.
    """

    outcome: Outcome
    name: str = ""
    detail: str = ""
    kind: ProblemKind | None = None


def judge(report: Report) -> Judgement:
    """Return what a report means; a detection outranks whatever could not be examined."""
    if report.detections:
        return Judgement(Outcome.FOUND, one_word(decisive(report)[0]))
    if not report.problems:
        return Judgement(Outcome.CLEAN)
    problem = gravest(report)
    outcome = Outcome.FAILED if problem.kind in OUR_FAILURES else Outcome.INCOMPLETE
    return Judgement(outcome, detail=f"{problem.kind}: {one_line(problem.detail)}", kind=problem.kind)


def decisive(report: Report) -> list[str]:
    """Return the names of the signatures that the verdict comes from."""
    return [found.name for found in report.detections if found.verdict is report.verdict]


def gravest(report: Report) -> Problem:
    """Return the problem to name of a report that has some: a failure of Freehold's own before all others."""
    return next((problem for problem in report.problems if problem.kind in OUR_FAILURES), report.problems[0])


def one_line(words: str) -> str:
    """Return a text that may come from a worker as one line of ASCII, which cannot be taken for several answers."""
    return re.sub(r"[^ -~]+", "?", words)[:_LONGEST_TEXT].strip()


def one_word(name: str) -> str:
    """Return a name as one word of ASCII."""
    return re.sub(r"[^!-~]+", "_", name)[:_LONGEST_TEXT] or "_"
