"""The report to hand on: one HTML page that needs nothing else, prints well and runs no script.

Everything in it that comes from files is escaped twice over: by the template engine for HTML, and by ``printable`` for
readers. The content security policy allows the page's own style sheet, by its hash, and nothing else.
"""

import base64
import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TextIO

import jinja2

from freehold.model.report import SEPARATOR, Detection, Problem, ProblemKind, Report, Verdict
from freehold.responses.summary import FOUND, Run, Summary
from freehold.responses.wording import count_text, hex_lines, printable, seconds_text, size_text

ROWS_LISTED = 5_000
"""Detections, and as many problems, that the page lists; beyond that it gives the number of files only."""

TEXT_LENGTH = 1_000
"""Characters of a name that the page shows; names come from strangers and may be of any length."""

LINEAGE_SHOWN = 32

BARS = 10
"""Bars of one chart; the rest is summed up in one more."""

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

_COLOURS = {
    Verdict.INFECTED: "bad",
    Verdict.SUSPICIOUS: "odd",
    Verdict.PROHIBITED: "barred",
    Verdict.INCOMPLETE: "open",
    Verdict.CLEAN: "good",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; ``share`` is its length in per cent of the longest one."""

    label: str
    count: int
    share: float
    colour: str


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
        self._room_for_findings = ROWS_LISTED
        self._files_with_gaps = 0
        self._files_with_gaps_listed = 0

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if report.detections and self._room_for_findings > 0:
            self._room_for_findings -= len(report.detections)
            self._found.append(_found(path, report))
        if report.problems:
            self._files_with_gaps += 1
            if len(self._gaps) < ROWS_LISTED:
                self._files_with_gaps_listed += 1
                self._gaps += [_gap(path, problem) for problem in report.problems]

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``."""
        style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("freehold.responses", ""),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"shown": _shown, "size": size_text, "seconds": seconds_text, "counted": count_text}
        page = environment.get_template("report.html.jinja").generate(
            style=style,
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            run=run,
            summary=summary,
            started=time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(run.started)),
            headline=_headline(summary),
            ring=_ring(summary),
            charts=_charts(summary),
            found=self._found,
            gaps=self._gaps,
            unlisted_found=summary.found - len(self._found),
            unlisted_gaps=self._files_with_gaps - self._files_with_gaps_listed,
            rate=summary.bytes / max(summary.seconds, 1e-9),
        )
        for piece in page:
            self._stream.write(piece)
        self._stream.flush()


def _shown(text: str) -> str:
    return printable(text if len(text) <= TEXT_LENGTH else text[:TEXT_LENGTH] + "…")


def _shown_path(path: bytes) -> str:
    return _shown(path.decode("utf-8", "surrogateescape"))


def _found(path: bytes, report: Report) -> Found:
    findings = tuple(_finding(detection) for detection in report.detections)
    return Found(
        _shown_path(path), _shown(report.file_type), report.size, report.artifacts, _shown(report.sha256), findings
    )


def _finding(detection: Detection) -> Finding:
    lineage = [_shown(name) for name in detection.artifact.split(SEPARATOR, LINEAGE_SHOWN)]
    return Finding(
        name=_shown(detection.name),
        verdict=detection.verdict.capitalize(),
        colour=_COLOURS[detection.verdict],
        description=_shown(detection.description),
        category=_shown(detection.category),
        source=_shown(detection.source),
        offset=detection.offset,
        length=detection.length,
        lineage=tuple(lineage),
        evidence="\n".join(hex_lines(detection.evidence, detection.offset)),
    )


def _gap(path: bytes, problem: Problem) -> Gap:
    return Gap(_shown_path(path), _MEANING[problem.kind], _shown(problem.detail), _shown(problem.artifact))


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
            slices.append(Slice(verdict.capitalize(), count, _COLOURS[verdict], start, length))
            start += length
    return slices


def _charts(summary: Summary) -> list[tuple[str, list[Bar]]]:
    categories = {name or "not named": count for name, count in summary.categories.items()}
    problems = {_MEANING[kind]: count for kind, count in summary.problems.items()}
    charts = [
        ("Detections by category", _bars(categories, "bad")),
        ("Reasons why something was not examined", _bars(problems, "open")),
        ("Files by type of content", _bars(summary.file_types, "plain")),
    ]
    return [(title, bars) for title, bars in charts if bars]


def _bars(counts: dict[str, int], colour: str) -> list[Bar]:
    ranked = Counter(counts).most_common()
    rest = sum(count for _, count in ranked[BARS:])
    ranked = ranked[:BARS] + ([("all others", rest)] if rest else [])
    longest = max((count for _, count in ranked), default=1)
    return [Bar(_shown(label), count, max(100 * count / longest, 0.5), colour) for label, count in ranked]
