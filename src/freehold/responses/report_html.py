"""The report to hand on: one HTML page that needs nothing else, prints well and runs no script."""

import time
from dataclasses import dataclass
from typing import TextIO

from freehold.model.report import SEPARATOR, Detection, Outcome, Problem, ProblemKind, Report, Verdict
from freehold.responses.page import Bar, bars, colour, render, shown, shown_path
from freehold.responses.summary import FOUND, Run, Summary
from freehold.responses.wording import count_text, hex_lines

ROWS_LISTED = 5_000
"""Detections, and as many problems, that the page lists; beyond that it gives the number of files only."""

LINEAGE_SHOWN = 32

_MEANING: dict[ProblemKind, str] = {
    ProblemKind.ENCRYPTED: "Protected by a password",
    ProblemKind.LIMIT: "A limit was reached",
    ProblemKind.MALFORMED: "Breaks the rules of its format",
    ProblemKind.TRUNCATED: "Ends too early",
    ProblemKind.UNSUPPORTED: "A method that Freehold cannot open",
    ProblemKind.LOOP: "Contains itself",
    ProblemKind.UNREADABLE: "Could not be opened",
    ProblemKind.CHANGED: "Changed during the scan",
    ProblemKind.TIMEOUT: "Took too long",
    ProblemKind.CRASHED: "A worker died",
    ProblemKind.INTERNAL: "An error of Freehold's own",
}

_DONE: dict[Outcome, str] = {
    Outcome.QUARANTINED: "Quarantined",
    Outcome.HELD_BACK: "Not quarantined",
    Outcome.REFUSED: "Could not be quarantined",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the ring of verdicts, in per cent of its circumference."""

    label: str
    count: int
    colour: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One detection as the page shows it."""

    name: str
    verdict: str
    colour: str
    description: str
    category: str
    source: str
    offset: int
    length: int
    lineage: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class Found:
    """One file with its detections."""

    path: str
    file_type: str
    size: int
    artifacts: int
    sha256: str
    findings: tuple[Finding, ...]
    done: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pardon:
    """One detection that does not count, as the page shows it."""

    path: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Gap:
    """One problem as the page shows it."""

    path: str
    reason: str
    detail: str
    artifact: str


class HtmlReport:
    """Collects findings and problems, and writes the page at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._found: list[Found] = []
        self._gaps: list[Gap] = []
        self._pardons: list[Pardon] = []
        self._room_for_findings = ROWS_LISTED
        self._files_with_gaps = 0
        self._files_with_gaps_listed = 0

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if report.detections and self._room_for_findings > 0:
            self._room_for_findings -= len(report.detections)
            self._found.append(_found(path, report))
        if len(self._pardons) < ROWS_LISTED:
            self._pardons += [
                Pardon(shown_path(path), shown(allowed.detection.name), shown(allowed.why))
                for allowed in report.allowed
            ]
        if report.problems:
            self._files_with_gaps += 1
            if len(self._gaps) < ROWS_LISTED:
                self._files_with_gaps_listed += 1
                self._gaps += [_gap(path, problem) for problem in report.problems]

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``."""
        render(
            self._stream,
            "report.html.jinja",
            run=run,
            summary=summary,
            started=time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(run.started)),
            headline=_headline(summary),
            ring=_ring(summary),
            charts=_charts(summary),
            found=self._found,
            gaps=self._gaps,
            pardons=self._pardons,
            unlisted_found=summary.found - len(self._found),
            unlisted_gaps=self._files_with_gaps - self._files_with_gaps_listed,
            rate=summary.bytes / max(summary.seconds, 1e-9),
        )


def _found(path: bytes, report: Report) -> Found:
    findings = tuple(_finding(detection) for detection in report.detections)
    return Found(
        shown_path(path),
        shown(report.file_type),
        report.size,
        report.artifacts,
        shown(report.sha256),
        findings,
        tuple(f"{_DONE[action.outcome]}: {shown(action.detail)}" for action in report.actions),
    )


def _finding(detection: Detection) -> Finding:
    lineage = [shown(name) for name in detection.artifact.split(SEPARATOR, LINEAGE_SHOWN)]
    return Finding(
        name=shown(detection.name),
        verdict=detection.verdict.capitalize(),
        colour=colour(detection.verdict),
        description=shown(detection.description),
        category=shown(detection.category),
        source=shown(detection.source),
        offset=detection.offset,
        length=detection.length,
        lineage=tuple(lineage),
        evidence="\n".join(hex_lines(detection.evidence, detection.offset)),
    )


def _gap(path: bytes, problem: Problem) -> Gap:
    return Gap(shown_path(path), _MEANING[problem.kind], shown(problem.detail), shown(problem.artifact))


def _headline(summary: Summary) -> tuple[str, str]:
    if summary.found:
        return "bad", f"{count_text(summary.found, 'file')} of {summary.files:,} must be dealt with"
    if summary.verdicts[Verdict.INCOMPLETE]:
        return "open", "Nothing was found, but not everything could be examined"
    if not summary.files:
        return "open", "No file was examined"
    return "good", "Everything was examined and nothing was found"


def _ring(summary: Summary) -> list[Slice]:
    slices = []
    start = 0.0
    for verdict in (*FOUND, Verdict.INCOMPLETE, Verdict.CLEAN):
        count = summary.verdicts[verdict]
        if count:
            # A single infected file among a million must still be seen.
            length = max(100 * count / summary.files, 0.8)
            slices.append(Slice(verdict.capitalize(), count, colour(verdict), start, length))
            start += length
    return slices


def _charts(summary: Summary) -> list[tuple[str, list[Bar]]]:
    categories = {name or "not named": count for name, count in summary.categories.items()}
    problems = {_MEANING[kind]: count for kind, count in summary.problems.items()}
    charts = [
        ("Detections by category", bars(categories, "bad")),
        ("Reasons why something was not examined", bars(problems, "open")),
        ("Files by type of content", bars(summary.file_types, "plain")),
    ]
    return [(title, bars) for title, bars in charts if bars]
