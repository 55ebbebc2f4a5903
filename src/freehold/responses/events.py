"""Findings in the forms that log collectors and SIEMs read: OCSF, ECS, CEF.

Sources: Open Cybersecurity Schema Framework 1.3.0, class Detection Finding (2004); Elastic Common Schema 8.11; ArcSight
Common Event Format, version 0 (revision 25).
"""

import json
import platform
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from freehold import __version__
from freehold.model.report import Verdict
from freehold.responses.history import ALLOWED, Finding
from freehold.responses.wording import printable

VENDOR = "Freehold"

_OCSF_SEVERITY = {Verdict.INFECTED: (4, "High"), Verdict.SUSPICIOUS: (3, "Medium"), Verdict.PROHIBITED: (3, "Medium")}
_OCSF_DISPOSITION = {"quarantined": 3, ALLOWED: 1}
_OCSF_DETECTED = 15
_ECS_SEVERITY = {Verdict.INFECTED: 73, Verdict.SUSPICIOUS: 47, Verdict.PROHIBITED: 47}
_CEF_SEVERITY = {Verdict.INFECTED: 8, Verdict.SUSPICIOUS: 5, Verdict.PROHIBITED: 5}


def ocsf(finding: Finding) -> dict[str, Any]:
    """Return a finding as an OCSF *Detection Finding*."""
    severity, severity_name = _OCSF_SEVERITY[Verdict(finding.verdict)]
    path = _path(finding)
    file: dict[str, Any] = {"name": _name(path), "path": path, "type_id": 1, "size": finding.size}
    if finding.sha256:
        file["hashes"] = [{"algorithm_id": 3, "algorithm": "SHA-256", "value": finding.sha256}]
    return {
        "activity_id": 1,
        "category_uid": 2,
        "class_uid": 2004,
        "type_uid": 200401,
        "time": int(finding.time * 1000),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": 1,
        "disposition_id": _OCSF_DISPOSITION.get(finding.action, _OCSF_DETECTED),
        "message": _message(finding),
        "metadata": {
            "version": "1.3.0",
            "product": {"name": "Freehold", "vendor_name": VENDOR, "version": __version__},
            "log_name": "detections",
        },
        "finding_info": {
            "uid": _uid(finding),
            "title": _message(finding),
            "desc": finding.description,
            "created_time": int(finding.time * 1000),
            "types": [finding.category or finding.verdict],
            "analytic": {"name": finding.name, "uid": finding.source, "type_id": 1, "type": "Rule"},
        },
        "malware": [{"name": finding.name, "classification_ids": [0], "path": printable(finding.artifact)}],
        "evidences": [{"file": file}],
        "device": {"hostname": platform.node(), "type_id": 0},
    }


def ecs(finding: Finding) -> dict[str, Any]:
    """Return a finding as a document of the Elastic Common Schema."""
    path = _path(finding)
    file: dict[str, Any] = {"path": path, "name": _name(path), "size": finding.size}
    if finding.sha256:
        file["hash"] = {"sha256": finding.sha256}
    return {
        "@timestamp": _iso(finding.time),
        "ecs": {"version": "8.11.0"},
        "message": _message(finding),
        "event": {
            "kind": "alert",
            "category": ["malware"],
            "type": ["info"],
            "module": "freehold",
            "dataset": "freehold.detection",
            "severity": _ECS_SEVERITY[Verdict(finding.verdict)],
            "id": _uid(finding),
            "action": finding.action or "detected",
        },
        "file": file,
        "rule": {"name": finding.name, "ruleset": finding.source, "category": finding.category or finding.verdict},
        "host": {"hostname": platform.node()},
        "observer": {"vendor": VENDOR, "product": "Freehold", "version": __version__, "type": "antivirus"},
        "labels": {"verdict": finding.verdict, "artifact": printable(finding.artifact)},
    }


def cef(finding: Finding) -> str:
    """Return a finding as one line of the Common Event Format."""
    severity = _CEF_SEVERITY[Verdict(finding.verdict)]
    head = ["CEF:0", VENDOR, "Freehold", __version__, _head(finding.name), _head(_message(finding)), str(severity)]
    path = _path(finding)
    fields = {
        "rt": str(int(finding.time * 1000)),
        "dvchost": platform.node(),
        "cat": finding.category or finding.verdict,
        "outcome": finding.verdict,
        "act": finding.action or "detected",
        "fname": _name(path),
        "filePath": path,
        "fsize": str(finding.size),
        "cs1Label": "artifact",
        "cs1": printable(finding.artifact),
        "cs2Label": "signatureSource",
        "cs2": finding.source,
        "externalId": _uid(finding),
    }
    if finding.sha256:
        fields["fileHash"] = finding.sha256
    return "|".join(head) + "|" + " ".join(f"{key}={_extension(value)}" for key, value in fields.items())


def lines(findings: Iterable[Finding], form: str) -> Iterator[str]:
    """Yield findings in one of ``FORMS``, a line each."""
    return map(FORMS[form], findings)


FORMS: dict[str, Callable[[Finding], str]] = {
    "ocsf": lambda finding: json.dumps(ocsf(finding)),
    "ecs": lambda finding: json.dumps(ecs(finding)),
    "cef": cef,
}


def _message(finding: Finding) -> str:
    return f"{printable(finding.name)} in {_path(finding)}"


def _path(finding: Finding) -> str:
    return printable(finding.path.decode("utf-8", "surrogateescape"))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _uid(finding: Finding) -> str:
    """Return what tells this finding from others on this machine, the same each time that it is exported."""
    import hashlib

    parts = (str(finding.scan), repr(finding.time), finding.path.hex(), finding.name, finding.artifact)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _head(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("=", "\\=")
