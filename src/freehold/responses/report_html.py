"""The report to hand on: one HTML page that needs nothing else, prints well and runs no script.

Everything in it that comes from files is escaped twice over: by the template engine for HTML, and by ``printable`` for
readers. The content security policy allows the page's own style sheet, by its hash, and nothing else.
"""

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import TextIO

import jinja2

from freehold.model.report import SEPARATOR, Detection, Problem, ProblemKind, Report, Verdict
from freehold.responses.summary import FOUND, Run, Summary
from freehold.responses.wording import count_text, hex_lines, printable, printable_path, seconds_text, size_text

FILES_LISTED = 5_000
"""Files with detections, and as many with problems, that the page lists; beyond that it gives their number only."""

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

    detection: Detection
    lineage: list[str]
    evidence: str


class HtmlReport:
    """Collects findings and problems, and writes the page at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._infected: list[tuple[bytes, Report]] = []
        self._incomplete: list[tuple[bytes, list[Problem]]] = []
        self._with_problems = 0

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if report.detections and len(self._infected) < FILES_LISTED:
            self._infected.append((path, report))
        if report.problems:
            self._with_problems += 1
            if len(self._incomplete) < FILES_LISTED:
                self._incomplete.append((path, report.problems))

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
        environment.filters |= {"printable": printable, "path": printable_path, "size": size_text}
        environment.filters |= {"seconds": seconds_text, "counted": count_text}
        page = environment.get_template("report.html.jinja").generate(
            style=style,
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            run=run,
            summary=summary,
            started=time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(run.started)),
            headline=_headline(summary),
            ring=_ring(summary),
            charts=_charts(summary),
            infected=[(path, report, _findings(report)) for path, report in self._infected],
            incomplete=self._incomplete,
            unlisted_infected=summary.found - len(self._infected),
            unlisted_incomplete=self._with_problems - len(self._incomplete),
            meaning=_MEANING,
            rate=summary.bytes / max(summary.seconds, 1e-9),
        )
        for piece in page:
            self._stream.write(piece)
        self._stream.flush()


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
    return [Bar(printable(label), count, max(100 * count / longest, 0.5), colour) for label, count in ranked]


def _findings(report: Report) -> Iterable[Finding]:
    for detection in report.detections:
        lineage = [printable(name) for name in detection.artifact.split(SEPARATOR)]
        yield Finding(detection, lineage, "\n".join(hex_lines(detection.evidence, detection.offset)))
