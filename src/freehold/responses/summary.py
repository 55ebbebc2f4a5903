"""What a report says of a scan as a whole, and what every report format offers."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from freehold.model.report import Outcome, ProblemKind, Report, Verdict

FOUND = (Verdict.INFECTED, Verdict.SUSPICIOUS, Verdict.PROHIBITED)
"""The verdicts that stand for a detection, worst first."""


class Run(NamedTuple):
    """The circumstances of a scan.

    Attributes:
        version: of Freehold.
        targets: what the user named.
        databases: where the signatures came from.
        sandbox: one sentence on how the workers are locked down.
        started: seconds since the epoch.
    """

    version: str
    targets: tuple[str, ...]
    databases: tuple[str, ...]
    sandbox: str
    started: float


class Summary:
    """Counts over all files of a scan; its size does not depend on their number.

    Attributes:
        files: files that came back with a verdict.
        known: those among them that were not opened, as they are unchanged since they were found clean.
        bytes: their sizes together.
        verdicts: files by verdict.
        categories: detections by category, "" where the signature names none.
        file_types: files by the type of their content; only those that could be opened.
        problems: problems by kind.
        seconds: wall time of the scan.
        interrupted: the user ended the scan before its end.
        left_out: what was passed by on purpose, by reason.
        actions: what was done, by outcome.
        allowed: detections that do not count.
    """

    __slots__ = (
        "actions",
        "allowed",
        "bytes",
        "categories",
        "file_types",
        "files",
        "interrupted",
        "known",
        "left_out",
        "problems",
        "seconds",
        "verdicts",
    )

    def __init__(
        self, *, seconds: float = 0.0, interrupted: bool = False, left_out: Mapping[str, int] | None = None
    ) -> None:
        self.files = 0
        self.known = 0
        self.bytes = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.categories: Counter[str] = Counter()
        self.file_types: Counter[str] = Counter()
        self.problems: Counter[ProblemKind] = Counter()
        self.seconds = seconds
        self.interrupted = interrupted
        self.left_out: Mapping[str, int] = {} if left_out is None else left_out
        self.actions: Counter[Outcome] = Counter()
        self.allowed = 0

    def add(self, report: Report) -> None:
        """Count one file."""
        self.files += 1
        self.bytes += report.size
        self.verdicts[report.verdict] += 1
        if report.file_type:
            self.file_types[report.file_type] += 1
        for detection in report.detections:
            self.categories[detection.category] += 1
        for problem in report.problems:
            self.problems[problem.kind] += 1
        for action in report.actions:
            self.actions[action.outcome] += 1
        self.allowed += len(report.allowed)

    def add_known(self, files: int, size: int, file_types: Mapping[str, int]) -> None:
        """Count files that are known to be clean, with their sizes together and their numbers by type."""
        self.files += files
        self.known += files
        self.bytes += size
        self.verdicts[Verdict.CLEAN] += files
        self.file_types.update({name: count for name, count in file_types.items() if name})

    @property
    def found(self) -> int:
        """Files with a detection."""
        return sum(self.verdicts[verdict] for verdict in FOUND)

    @property
    def exit_status(self) -> int:
        """0 all clean, 1 something found, 2 something not examined and nothing found, 130 interrupted."""
        if self.interrupted:
            return 130
        if self.found:
            return 1
        return 2 if self.verdicts[Verdict.INCOMPLETE] else 0


class ReportWriter(Protocol):
    """One report format: ``file`` is called once for each file, then ``end``."""

    def file(self, path: bytes, report: Report, /) -> None:
        """Write, or keep for the end, what one file yielded."""

    def end(self, run: Run, summary: Summary, /) -> None:
        """Write the rest; also called for a scan that was interrupted."""
