r"""The report for programs: one JSON object for each file, one a line, in ASCII.

A path need not be text. Its bytes are decoded as UTF-8 and those that cannot be are written as the lone surrogates
``\udc80`` to ``\udcff`` (PEP 383); ``json.loads(line)["path"].encode("utf-8", "surrogateescape")`` gives the bytes
back.
"""

import json
from typing import Any, TextIO

from freehold.model.report import Detection, Report
from freehold.responses.summary import Run, Summary


class JsonlReport:
    """Writes each file's object as soon as it is known."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        self._stream.write(json.dumps(file_object(path, report)) + "\n")
        # Whoever reads from a pipe or follows a file acts on a detection; clean files may wait in the buffer.
        if report.detections:
            self._stream.flush()

    def end(self, _run: Run, _summary: Summary) -> None:
        """See ``ReportWriter``."""
        self._stream.flush()


def file_object(path: bytes, report: Report) -> dict[str, Any]:
    """Return one file's result in the names of the command-line contract; ``sha256`` only where it was computed."""
    result: dict[str, Any] = {
        "path": path.decode("utf-8", "surrogateescape"),
        "verdict": report.verdict.value,
        "detections": [_detection_object(detection) for detection in report.detections],
        "problems": [{"kind": p.kind.value, "artifact": p.artifact, "detail": p.detail} for p in report.problems],
        "type": report.file_type,
        "size": report.size,
        "seconds": round(report.seconds, 6),
    }
    if report.allowed:
        result["allowed"] = [
            _detection_object(allowed.detection) | {"entry": allowed.entry, "why": allowed.why}
            for allowed in report.allowed
        ]
    if report.actions:
        result["actions"] = [
            {"outcome": action.outcome.value, "item": action.item, "detail": action.detail} for action in report.actions
        ]
    if report.sha256:
        result["sha256"] = report.sha256
    if report.known:
        result["known"] = True
    return result


def _detection_object(detection: Detection) -> dict[str, Any]:
    return {
        "name": detection.name,
        "artifact": detection.artifact,
        "offset": detection.offset,
        "length": detection.length,
        "source": detection.source,
        "category": detection.category,
        "verdict": detection.verdict.value,
        "evidence": detection.evidence.hex(),
        "description": detection.description,
    }
