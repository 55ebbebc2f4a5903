"""The log of a service: a line for each event on standard error, as ``key=value`` pairs.

2026-05-01T12:30:00Z warning event=found client="pid 4711 uid 33" what=stream name=Eicar-Test sha256=…
"""

import json
import re
import sys
import time
from typing import TextIO

from freehold.model.report import Report
from freehold.responses.wording import printable

_PLAIN = re.compile(r"[\w./:+-]+")


class Log:
    """Writes events."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def note(self, event: str, **facts: str | int) -> None:
        """Note what is as it should be."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: str | int) -> None:
        """Note what somebody should look at."""
        self._write("warning", event, facts)

    def verdict(self, client: str, what: bytes, report: Report) -> None:
        """Note what was found, or why something could not be examined; nothing about what is clean."""
        label = what.decode("utf-8", "backslashreplace")
        if report.detections:
            self.warning("found", client=client, what=label, name=report.detections[0].name, size=report.size)
            for action in report.actions:
                self.warning(action.outcome.value, client=client, what=label, item=action.item, detail=action.detail)
        elif report.problems:
            problem = report.problems[0]
            self.note("incomplete", client=client, what=label, kind=problem.kind.value, detail=problem.detail)
        for allowed in report.allowed:
            self.note("allowed", client=client, what=label, name=allowed.detection.name, why=allowed.why)

    def _write(self, level: str, event: str, facts: dict[str, str | int]) -> None:
        pairs = " ".join(f"{key}={_value(value)}" for key, value in {"event": event, **facts}.items())
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(f"{moment} {level} {pairs}", file=self._stream, flush=True)


def _value(value: str | int) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(printable(text), ensure_ascii=False)
