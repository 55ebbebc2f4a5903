"""The report for code-scanning platforms: SARIF 2.1.0 (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

Results are written as they come; what must be known of their signatures stands at the end of the run, so memory grows
with the number of different signatures found, not with the number of files.
"""

import json
import time
from pathlib import Path
from typing import Any, TextIO

from freehold.model.report import SEPARATOR, Action, Detection, Problem, ProblemKind, Report, Verdict
from freehold.responses.summary import Run, Summary
from freehold.responses.wording import printable

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_BASE = "WORKING_FOLDER"

_LEVELS = {Verdict.INFECTED: "error", Verdict.PROHIBITED: "error", Verdict.SUSPICIOUS: "warning"}

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")

_NOT_EXAMINED = "freehold/not-examined/"

_FROM_CONTENT = frozenset(
    {ProblemKind.ENCRYPTED, ProblemKind.LIMIT, ProblemKind.MALFORMED, ProblemKind.TRUNCATED, ProblemKind.UNSUPPORTED}
)


class SarifReport:
    """Writes one SARIF log with one run.

    A detection is a result of kind ``fail``; a problem is one of kind ``review``, because somebody has to look at what
    Freehold could not. The position inside a nested artifact stands in the result's properties: SARIF's regions
    count from the beginning of the file.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rules: dict[str, tuple[int, dict[str, Any]]] = {}
        self._separator = "\n"
        stream.write(f'{{"$schema": "{_SCHEMA}", "version": "2.1.0", "runs": [{{"results": [')

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        for detection in report.detections:
            self._write(self._result_of_detection(path, detection, report))
        for allowed in report.allowed:
            result = self._result_of_detection(path, allowed.detection, report)
            why = printable(allowed.why)
            self._write(result | {"suppressions": [{"kind": "external", "status": "accepted", "justification": why}]})
        for problem in report.problems:
            self._write(self._result_of_problem(path, problem))

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``."""
        rest = {
            "tool": {
                "driver": {
                    "name": "Freehold",
                    "version": run.version,
                    "semanticVersion": run.version,
                    "rules": [rule for _, rule in self._rules.values()],
                }
            },
            "invocations": [
                {
                    "executionSuccessful": not summary.interrupted,
                    "exitCode": summary.exit_status,
                    "startTimeUtc": _time(run.started),
                    "endTimeUtc": _time(run.started + summary.seconds),
                    "properties": {
                        "databases": [printable(name) for name in run.databases],
                        "sandbox": run.sandbox,
                        "files": summary.files,
                        "bytes": summary.bytes,
                        "verdicts": {verdict.value: count for verdict, count in summary.verdicts.items()},
                    },
                }
            ],
            "originalUriBaseIds": {_BASE: {"uri": f"file://{_quote(bytes(Path.cwd()))}".rstrip("/") + "/"}},
            "columnKind": "unicodeCodePoints",
        }
        self._stream.write("\n], " + json.dumps(rest, indent=1)[1:-1].strip() + "}]}\n")
        self._stream.flush()

    def _write(self, result: dict[str, Any]) -> None:
        self._stream.write(self._separator + json.dumps(result))
        self._separator = ",\n"

    def _rule(self, identifier: str, text: str, **properties: Any) -> int:
        known = self._rules.get(identifier)
        if known is None:
            rule: dict[str, Any] = {"id": identifier, "shortDescription": {"text": text}}
            if properties:
                rule["properties"] = properties
            known = self._rules[identifier] = len(self._rules), rule
        return known[0]

    def _result_of_detection(self, path: bytes, detection: Detection, report: Report) -> dict[str, Any]:
        name = printable(detection.name)
        text = printable(detection.description) or f"Matches the signature {name}."
        index = self._rule(name, text, category=detection.category, source=printable(detection.source))
        location = _location(path)
        if SEPARATOR not in detection.artifact:
            location["physicalLocation"]["region"] = {"byteOffset": detection.offset, "byteLength": detection.length}
        return {
            "ruleId": name,
            "ruleIndex": index,
            "kind": "fail",
            "level": _LEVELS[detection.verdict],
            "message": {"text": f"{detection.verdict.capitalize()}: {name} in {printable(detection.artifact)}. {text}"},
            "locations": [location],
            "properties": {
                "verdict": detection.verdict.value,
                "artifact": printable(detection.artifact),
                "offset": detection.offset,
                "length": detection.length,
                "evidence": detection.evidence.hex(),
                **({"sha256": report.sha256} if report.sha256 else {}),
                **({"actions": [_action(action) for action in report.actions]} if report.actions else {}),
            },
        }

    def _result_of_problem(self, path: bytes, problem: Problem) -> dict[str, Any]:
        identifier = _NOT_EXAMINED + problem.kind.value
        origin = "its content" if problem.kind in _FROM_CONTENT else "the circumstances of the scan"
        index = self._rule(identifier, f"Not fully examined ({problem.kind}), because of {origin}.")
        return {
            "ruleId": identifier,
            "ruleIndex": index,
            "kind": "review",
            "level": "none",
            "message": {"text": f"Not fully examined: {printable(problem.artifact)}: {printable(problem.detail)}"},
            "locations": [_location(path)],
            "properties": {"artifact": printable(problem.artifact)},
        }


def _action(action: Action) -> dict[str, str]:
    return {"outcome": action.outcome.value, "item": action.item, "detail": printable(action.detail)}


def _location(path: bytes) -> dict[str, Any]:
    place = {"uri": f"file://{_quote(path)}"} if path.startswith(b"/") else {"uri": _quote(path), "uriBaseId": _BASE}
    return {"physicalLocation": {"artifactLocation": place}}


def _quote(path: bytes) -> str:
    """Percent-encode a path for a URI (RFC 3986), byte by byte, so that every name survives."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in path)


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
