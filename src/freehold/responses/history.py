"""The history: every scan, what it found, and why something was not examined, in one SQLite file of its owner's.

What a scan yields is kept in memory until its end and written in one transaction, so the history has whole scans only.
It serves the owner: nothing in it is ever sent anywhere.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from freehold.model import places
from freehold.model.errors import UsageError
from freehold.model.report import Detection, Report
from freehold.responses.summary import FOUND, Run, Summary

FINDINGS_KEPT = 10_000
"""Findings that are kept of one scan; its counts are exact all the same."""

KEPT_SECONDS = 2 * 366 * 86_400
"""How old a scan may become before a later one removes it."""

ALLOWED = "allowed"
"""The action of a detection that one of the user's lists allows."""

_WAIT = 5.0
_VERSION = 2
_SCHEMA = """
CREATE TABLE scans (
    id INTEGER PRIMARY KEY AUTOINCREMENT, began REAL NOT NULL, seconds REAL NOT NULL, version TEXT NOT NULL,
    targets TEXT NOT NULL, databases TEXT NOT NULL, sandbox TEXT NOT NULL, files INTEGER NOT NULL,
    bytes INTEGER NOT NULL, verdicts TEXT NOT NULL, problems TEXT NOT NULL, status INTEGER NOT NULL,
    interrupted INTEGER NOT NULL
);
CREATE INDEX scans_began ON scans (began);
CREATE TABLE findings (
    scan INTEGER NOT NULL REFERENCES scans ON DELETE CASCADE, began REAL NOT NULL, path BLOB NOT NULL,
    verdict TEXT NOT NULL, name TEXT NOT NULL, artifact TEXT NOT NULL, category TEXT NOT NULL, source TEXT NOT NULL,
    description TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, action TEXT NOT NULL
);
CREATE INDEX findings_scan ON findings (scan);
"""


class Finding(NamedTuple):
    """One detection, as the history keeps it.

    Attributes:
        scan: number of the scan.
        time: when that began, in seconds since the epoch.
        path: of the root file, in the file system's own bytes.
        verdict: that the signature means.
        name: of the signature.
        artifact: lineage of the artifact that matched.
        category: of the signature, may be "".
        source: of the signature.
        description: of the signature, may be "".
        size: of the root file in bytes.
        sha256: of the root file, "" where it was not computed.
        action: what was done with the file, "" for nothing; ``ALLOWED`` when the detection does not count.
    """

    scan: int
    time: float
    path: bytes
    verdict: str
    name: str
    artifact: str
    category: str
    source: str
    description: str
    size: int
    sha256: str
    action: str = ""


class Scan(NamedTuple):
    """One scan, as the history keeps it.

    Attributes:
        number: counts up.
        began: in seconds since the epoch.
        seconds: wall time that it took.
        version: of Freehold.
        targets: what the user named.
        databases: where the signatures came from.
        sandbox: how the workers were locked down.
        files: that came back with a verdict.
        bytes: their sizes together.
        verdicts: files by verdict.
        problems: problems by kind.
        status: exit status.
        interrupted: ended by the user.
    """

    number: int
    began: float
    seconds: float
    version: str
    targets: tuple[str, ...]
    databases: tuple[str, ...]
    sandbox: str
    files: int
    bytes: int
    verdicts: dict[str, int]
    problems: dict[str, int]
    status: int
    interrupted: bool

    @property
    def found(self) -> int:
        """Files with a detection."""
        return sum(self.verdicts.get(verdict, 0) for verdict in FOUND)


def usual_file() -> Path:
    """Return where this user's history lies."""
    return places.state("history.sqlite")


class History:
    """The scans of one file.

    Args:
        path: made, with its folder, when ``create`` is true.
        create: False raises ``UsageError`` when there is none yet.

    Raises:
        UsageError: the file cannot be opened, or is something else, or of a later version.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if not create and not path.exists():
            raise UsageError(f"there is no history yet: {path}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(path, timeout=_WAIT)
            self._database.execute("PRAGMA foreign_keys = ON")
            self._prepare(path)
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"cannot open the history {path}: {error}; moving it away starts a new one") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, run: Run, summary: Summary, findings: list[tuple[bytes, Report]]) -> int:
        """Record one scan and return its number; raises ``sqlite3.Error`` when it cannot be written."""
        with self._database as database:
            database.execute("DELETE FROM scans WHERE began < ?", (run.started - KEPT_SECONDS,))
            number = database.execute(
                "INSERT INTO scans VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run.started,
                    summary.seconds,
                    run.version,
                    json.dumps(run.targets),
                    json.dumps(run.databases),
                    run.sandbox,
                    summary.files,
                    summary.bytes,
                    _counts(summary.verdicts),
                    _counts(summary.problems),
                    summary.exit_status,
                    summary.interrupted,
                ),
            ).lastrowid
            assert number is not None  # noqa: S101 - what an insertion that succeeded has
            rows = (row for path, report in findings for row in findings_of(number, run.started, path, report))
            database.executemany("INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return number

    def scans(self, since: float = 0.0, number: int | None = None) -> Iterator[Scan]:
        """Yield the scans that began at ``since`` or later, or the one of this number, the latest first."""
        rows = self._database.execute(
            "SELECT * FROM scans WHERE began >= ? AND (? IS NULL OR id = ?) ORDER BY began DESC, id DESC",
            (since, number, number),
        )
        for row in rows:
            scan = Scan._make(row)
            yield scan._replace(
                targets=tuple(json.loads(row[4])),
                databases=tuple(json.loads(row[5])),
                verdicts=json.loads(row[9]),
                problems=json.loads(row[10]),
                interrupted=bool(row[12]),
            )

    def findings(self, since: float = 0.0, number: int | None = None) -> Iterator[Finding]:
        """Yield what those scans found, the latest scan first."""
        rows = self._database.execute(
            "SELECT * FROM findings WHERE began >= ? AND (? IS NULL OR scan = ?) ORDER BY began DESC, scan DESC, rowid",
            (since, number, number),
        )
        return map(Finding._make, rows)

    def prune(self, before: float) -> int:
        """Remove the scans that began earlier and return how many those were."""
        with self._database as database:
            count = database.execute("DELETE FROM scans WHERE began < ?", (before,)).rowcount
        self._database.execute("VACUUM")
        return count

    def _prepare(self, path: Path) -> None:
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise UsageError(f"the history {path} was written by a later version of Freehold")
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    database.execute(statement)
            elif version == 1:
                database.execute("ALTER TABLE findings ADD COLUMN action TEXT NOT NULL DEFAULT ''")
            database.execute(f"PRAGMA user_version = {_VERSION}")


class Recorder:
    """A report writer that puts a scan into the history.

    Attributes:
        trouble: why it could not be recorded, "" when it was: a scan counts without a history, too.
    """

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        self._path = path
        self._found: list[tuple[bytes, Report]] = []
        self._room = FINDINGS_KEPT

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if (report.detections or report.allowed) and self._room > 0:
            self._room -= len(report.detections) + len(report.allowed)
            self._found.append((path, report))

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``; never raises."""
        try:
            with History(self._path, create=True) as history:
                history.add(run, summary, self._found)
        except (UsageError, sqlite3.Error) as error:
            self.trouble = f"this scan is not in the history: {error}"


def _counts(counts: Mapping[Any, int]) -> str:
    return json.dumps({str(key): count for key, count in counts.items() if count})


def findings_of(scan: int, began: float, path: bytes, report: Report) -> Iterator[Finding]:
    """Yield what a report says as the history keeps it: what counts, then what a list allows."""
    action = report.actions[0].outcome.value if report.actions else ""
    for detection in report.detections:
        yield _finding(scan, began, path, report, detection, action=action)
    for allowed in report.allowed:
        yield _finding(scan, began, path, report, allowed.detection, action=ALLOWED)


def _finding(scan: int, began: float, path: bytes, report: Report, detection: Detection, *, action: str) -> Finding:
    return Finding(
        scan,
        began,
        path,
        detection.verdict.value,
        _text(detection.name),
        _text(detection.artifact),
        _text(detection.category),
        _text(detection.source),
        _text(detection.description),
        report.size,
        report.sha256,
        action,
    )


def _text(text: str) -> str:
    """Return what SQLite can keep: names that are not UTF-8 contain surrogates, and it takes none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
