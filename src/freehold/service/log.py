"""The log of a service: a line for each event on standard error, as ``key=value`` pairs or as an object of JSON.

2026-05-01T12:30:00Z warning event=found client="pid 4711 uid 33" what=stream name=Eicar-Test sha256=…

Where systemd's journal listens, a line begins with its priority (sd-daemon(3)) and has no time, which the
journal adds.
"""

import contextlib
import json
import os
import re
import sys
import time
from typing import TextIO

from freehold.model.report import Report
from freehold.responses.wording import printable

_PRIORITIES = {"info": "<6>", "warning": "<4>"}
_PLAIN = re.compile(r"[\w./:+-]+")


class Log:
    """Writes events.

    Args:
        stream: takes the lines; by default standard error.
        as_json: whether a line is an object of JSON.
    """

    def __init__(self, stream: TextIO | None = None, *, as_json: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._as_json = as_json
        self._journal = stream is None and _is_journal()

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
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._as_json:
            line = json.dumps({"time": moment, "level": level, "event": event, **facts})
        else:
            pairs = " ".join(f"{key}={_value(value)}" for key, value in {"event": event, **facts}.items())
            line = pairs if self._journal else f"{moment} {level} {pairs}"
        with contextlib.suppress(OSError):  # nobody reads it any more, which is no reason to answer nobody
            print(f"{_PRIORITIES[level] if self._journal else ''}{line}", file=self._stream, flush=True)


def _is_journal() -> bool:
    """Whether standard error is the journal's own stream, by systemd.exec(5)."""
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _value(value: str | int) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(printable(text), ensure_ascii=False)
