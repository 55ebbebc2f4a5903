"""The report of a time as one HTML page: what was scanned and found, day by day, and what keeps coming back."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from freehold import __version__
from freehold.model.report import Verdict
from freehold.responses.history import ALLOWED, Finding, Scan
from freehold.responses.page import Bar, bars, colour, render, shown, shown_path
from freehold.responses.wording import count_text

ROWS_LISTED = 1_000
COLUMNS = 60
"""Columns of a chart over time at most; longer times get wider steps."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Column:
    """One step of a chart over time; ``share`` is its height in per cent of the highest one."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Series:
    """A chart over time."""

    title: str
    colour: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One finding as the page shows it."""

    when: str
    verdict: str
    colour: str
    name: str
    path: str
    artifact: str
    action: str


def write_trend(stream: TextIO, scans: Sequence[Scan], findings: Sequence[Finding], since: float) -> None:
    """Write the page for the scans and findings since a time, in seconds since the epoch."""
    now = time.time()
    allowed = sum(finding.action == ALLOWED for finding in findings)
    findings = [finding for finding in findings if finding.action != ALLOWED]
    first = max(since, min((scan.began for scan in scans), default=now))
    render(
        stream,
        "trend.html.jinja",
        version=__version__,
        period=f"{_day(first)} to {_day(now)}",
        headline=_headline(scans, findings),
        scans=scans,
        files=sum(scan.files for scan in scans),
        bytes=sum(scan.bytes for scan in scans),
        findings_count=len(findings),
        incomplete=sum(scan.verdicts.get(Verdict.INCOMPLETE, 0) for scan in scans),
        series=[
            _series("Findings", "bad", first, now, [(finding.time, 1) for finding in findings]),
            _series("Files examined", "plain", first, now, [(scan.began, scan.files) for scan in scans]),
        ],
        charts=_charts(scans, findings),
        rows=[_row(finding) for finding in findings[:ROWS_LISTED]],
        scan_rows=scans[:ROWS_LISTED],
        allowed=allowed,
        unlisted=max(len(findings) - ROWS_LISTED, 0),
        when=_minute,
    )


def _headline(scans: Sequence[Scan], findings: Sequence[Finding]) -> tuple[str, str]:
    if not scans:
        return "open", "No scan in this time"
    if findings:
        files = len({finding.path for finding in findings})
        return "bad", f"{count_text(len(findings), 'finding')} in {count_text(files, 'file')}"
    return "good", f"{count_text(len(scans), 'scan')}, and nothing was found"


def _series(title: str, tint: str, first: float, last: float, events: Iterable[tuple[float, int]]) -> Series:
    start = _midnight(first)
    days = max(1, math.ceil((last - start) / _DAY))
    step = math.ceil(days / COLUMNS)
    counts: Counter[int] = Counter()
    for moment, count in events:
        counts[min(max(int((moment - start) // _DAY), 0), days - 1) // step] += count
    highest = max(counts.values(), default=0) or 1
    columns = [
        Column(_day(start + index * step * _DAY), counts[index], 100 * counts[index] / highest)
        for index in range(math.ceil(days / step))
    ]
    per = "day" if step == 1 else f"{step} days"
    return Series(f"{title} per {per}", tint, tuple(columns))


def _charts(scans: Sequence[Scan], findings: Sequence[Finding]) -> list[tuple[str, list[Bar]]]:
    problems: Counter[str] = Counter()
    for scan in scans:
        problems.update(scan.problems)
    folders = Counter(shown_path(finding.path.rpartition(b"/")[0] or b"/") for finding in findings)
    charts = [
        ("Signatures that matched most", bars(Counter(finding.name for finding in findings), "bad")),
        ("Folders with most findings", bars(folders, "odd")),
        ("Reasons why something was not examined", bars(problems, "open")),
    ]
    return [(title, chart) for title, chart in charts if chart]


def _row(finding: Finding) -> Row:
    return Row(
        when=_minute(finding.time),
        verdict=finding.verdict.capitalize(),
        colour=colour(Verdict(finding.verdict)),
        name=shown(finding.name),
        path=shown_path(finding.path),
        artifact=shown(finding.artifact),
        action=finding.action,
    )


def _midnight(seconds: float) -> float:
    local = time.localtime(seconds)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1))


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def _minute(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
