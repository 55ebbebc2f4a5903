"""The report for people at a terminal: findings as they come, then a summary and what to do next."""

from collections import Counter
from collections.abc import Callable

from freehold.model.report import SEPARATOR, Detection, Outcome, Problem, ProblemKind, Report, Verdict
from freehold.responses.summary import FOUND, Run, Summary
from freehold.responses.wording import count_text, printable, printable_path, seconds_text, size_text

PROBLEMS_SHOWN = 5
"""Problems of one file that get a line of their own."""

_ADVICE: dict[ProblemKind, str] = {
    ProblemKind.ENCRYPTED: "encrypted: decrypt and scan again; nothing inside was examined",
    ProblemKind.LIMIT: "a limit was reached: raise it (see 'freehold scan --help'), if you trust the file's origin",
    ProblemKind.UNREADABLE: "unreadable: scan as a user who may read these files",
    ProblemKind.TIMEOUT: "out of time: give more with --timeout",
    ProblemKind.CHANGED: "changed during the scan: scan again",
    ProblemKind.CRASHED: "a worker died: report this with the file, please; its sandbox kept the damage in",
    ProblemKind.INTERNAL: "an error of Freehold's own: report this with the file, please",
}


_DONE = {
    Outcome.QUARANTINED: "QUARANTINED",
    Outcome.HELD_BACK: "NOT QUARANTINED",
    Outcome.REFUSED: "COULD NOT BE QUARANTINED",
}


_COUNTED = {
    Outcome.QUARANTINED: "taken",
    Outcome.HELD_BACK: "held back",
    Outcome.REFUSED: "could not be taken",
}


class TextReport:
    """Hands finished lines to ``write``; clean files get none."""

    def __init__(self, write: Callable[[str], None], *, quiet: bool) -> None:
        self._write = write
        self._quiet = quiet
        self._first_found: bytes | None = None

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if not (report.detections or report.problems or report.allowed):
            return
        name = printable_path(path)
        explained = report.detections and report.verdict is not Verdict.PROHIBITED and not _is_gone(report)
        if explained and self._first_found is None:
            self._first_found = path
        for detection in report.detections:
            self._write(f"{name}: {_finding(detection)}")
        for action in report.actions:
            self._write(f"{name}: {_DONE[action.outcome]}: {printable(action.detail)}")
        for allowed in report.allowed:
            self._write(f"{name}: ALLOWED {printable(allowed.detection.name)} ({printable(allowed.why)})")
        for problem in report.problems[:PROBLEMS_SHOWN]:
            self._write(f"{name}: {_gap(problem)}")
        more = len(report.problems) - PROBLEMS_SHOWN
        if more > 0:
            self._write(f"{name}: INCOMPLETE and {count_text(more, 'more problem')}")

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``."""
        if self._quiet:
            return
        for line in [*_summary_lines(run, summary), *_next_lines(summary, self._first_found)]:
            self._write(line)


def _is_gone(report: Report) -> bool:
    return any(action.outcome is Outcome.QUARANTINED for action in report.actions)


def _finding(detection: Detection) -> str:
    inside = f"in {printable(detection.artifact)} " if SEPARATOR in detection.artifact else ""
    return f"{detection.verdict.upper()} {printable(detection.name)} ({inside}at offset {detection.offset})"


def _gap(problem: Problem) -> str:
    inside = f" (in {printable(problem.artifact)})" if SEPARATOR in problem.artifact else ""
    return f"INCOMPLETE {problem.kind}: {printable(problem.detail)}{inside}"


def _summary_lines(run: Run, summary: Summary) -> list[str]:
    seconds = summary.seconds or 1e-9
    scanned = f"{count_text(summary.files, 'file')}, {size_text(summary.bytes)} in {seconds_text(summary.seconds)}"
    rate = f"{summary.files / seconds:,.0f} files/s, {size_text(summary.bytes / seconds)}/s"
    lines = ["", f"{'Interrupted: ' if summary.interrupted else ''}{scanned} ({rate})"]
    shown = [verdict for verdict in FOUND if summary.verdicts[verdict]] or [Verdict.INFECTED]
    lines += [_row(verdict.capitalize(), f"{summary.verdicts[verdict]:,}") for verdict in shown]
    if summary.actions:
        lines.append(_row("Quarantine", ", ".join(f"{count:,} {_COUNTED[o]}" for o, count in summary.actions.items())))
    if summary.allowed:
        lines.append(_row("Allowed", f"{count_text(summary.allowed, 'detection')} by your lists"))
    reasons = ", ".join(f"{count:,} {kind}" for kind, count in Counter(summary.problems).most_common())
    lines.append(_row("Incomplete", f"{summary.verdicts[Verdict.INCOMPLETE]:,}" + (f" ({reasons})" if reasons else "")))
    if summary.known:
        lines.append(
            _row("Known", f"{summary.known:,} were found clean before and are unchanged (--full examines all)")
        )
    if any(summary.left_out.values()):
        lines.append(_row("Left out", ", ".join(f"{count:,} {reason}" for reason, count in summary.left_out.items())))
    lines.append(_row("Database", printable(", ".join(run.databases))))
    lines.append(_row("Sandbox", run.sandbox))
    return lines


def _row(label: str, value: str) -> str:
    return f"  {label + ':':<12}{value}"


def _next_lines(summary: Summary, first_found: bytes | None) -> list[str]:
    advice = []
    if first_found is not None:
        import shlex

        path = first_found.decode("utf-8", "surrogateescape")
        # A name that cannot be shown as it is cannot be pasted either.
        shown = shlex.quote(path) if path.isprintable() else "FILE"
        advice.append(f"see why, with the evidence: freehold explain {shown}")
    if summary.verdicts[Verdict.PROHIBITED]:
        advice.append("see which rules prohibit it from when, with all evidence on this machine: freehold audit")
    if summary.actions[Outcome.QUARANTINED]:
        advice.append("see what was taken, and put it back where that was wrong: freehold quarantine list")
    advice += [text for kind, text in _ADVICE.items() if summary.problems[kind]]
    return ["Next:", *(f"  - {text}" for text in advice)] if advice else []
