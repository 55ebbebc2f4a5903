"""The last scan as a text file for Prometheus' node exporter (its *textfile collector*).

Source: Prometheus' text-based exposition format, version 0.0.4.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from freehold.model.report import ProblemKind, Report, Verdict
from freehold.responses.summary import Run, Summary


class PrometheusReport:
    """A report writer that replaces a file in one step.

    Attributes:
        trouble: why the file could not be written, "" when it was.
    """

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        self._path = path

    def file(self, _path: bytes, _report: Report) -> None:
        """See ``ReportWriter``."""

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``; never raises."""
        text = "".join(f"{line}\n" for line in _lines(run, summary))
        try:
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".freehold-")
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                os.fchmod(descriptor, 0o644)
            Path(name).replace(self._path)
        except OSError as error:
            self.trouble = f"the metrics were not written: {error}"


def _lines(run: Run, summary: Summary) -> Iterator[str]:
    verdicts = {verdict.value: summary.verdicts[verdict] for verdict in Verdict}
    problems = {kind.value: summary.problems[kind] for kind in ProblemKind}
    yield from _metric("scan_files", "Files of the last scan by verdict.", "verdict", verdicts)
    yield from _metric("scan_problems", "Reasons why something was not examined, by kind.", "kind", problems)
    ended = run.started + summary.seconds
    for name, text, value in (
        ("scan_bytes", "Bytes of all files of the last scan.", summary.bytes),
        ("scan_duration_seconds", "Wall time of the last scan.", round(summary.seconds, 3)),
        ("scan_end_timestamp_seconds", "When the last scan ended.", round(ended, 3)),
        ("scan_exit_status", "Exit status of the last scan: 0 all clean.", summary.exit_status),
    ):
        yield from (f"# HELP freehold_{name} {text}", f"# TYPE freehold_{name} gauge", f"freehold_{name} {value}")


def _metric(name: str, text: str, label: str, values: Mapping[str, int]) -> Iterator[str]:
    yield from (f"# HELP freehold_{name} {text}", f"# TYPE freehold_{name} gauge")
    yield from (f'freehold_{name}{{{label}="{key}"}} {value}' for key, value in values.items())
