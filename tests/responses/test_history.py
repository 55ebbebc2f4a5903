"""What is recorded of scans, and what log collectors get to read of it."""

import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.model.errors import UsageError
from freehold.model.report import Detection, Problem, ProblemKind, Report, Verdict
from freehold.responses import events
from freehold.responses.history import FINDINGS_KEPT, KEPT_SECONDS, History, Recorder
from freehold.responses.summary import Run, Summary

PATH = b"/srv/in\xffvoice|x=1\\.zip"


def scanned(*reports: Report, began: float = 1_000_000.0) -> tuple[Run, Summary, list[tuple[bytes, Report]]]:
    summary = Summary(seconds=2.5)
    for report in reports:
        summary.add(report)
    run = Run("0.1.0", ("/srv",), ("core pack",), "Landlock", began)
    return run, summary, [(PATH, report) for report in reports if report.detections]


def bad(name: str = "Own.Test|a=b", verdict: Verdict = Verdict.INFECTED) -> Report:
    detection = Detection(name, "in\udcffvoice.zip ▸ a.exe", 3, 4, "own.toml:7", "dropper", verdict, b"abcd", "bad")
    return Report(1234, detections=[detection])


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "state/history.sqlite", create=True) as opened:
        yield opened


def test_a_scan_comes_back_whole(history: History) -> None:
    number = history.add(*scanned(bad(), Report(5, problems=[Problem(ProblemKind.LIMIT, "a", "b")])))
    (scan,) = history.scans()
    assert scan.number == number
    assert (scan.files, scan.bytes, scan.found, scan.status) == (2, 1239, 1, 1)
    assert (scan.verdicts, scan.problems) == ({"infected": 1, "incomplete": 1}, {"limit": 1})
    (finding,) = history.findings()
    assert (finding.path, finding.name, finding.size) == (PATH, "Own.Test|a=b", 1234)
    assert finding.artifact == "in\\udcffvoice.zip ▸ a.exe"


def test_scans_are_chosen_by_time_and_number(history: History) -> None:
    numbers = [history.add(*scanned(bad(), began=began)) for began in (1e6, 2e6, 3e6)]
    assert [scan.number for scan in history.scans(2e6)] == [numbers[2], numbers[1]]
    assert [finding.scan for finding in history.findings(number=numbers[0])] == [numbers[0]]
    assert history.prune(2e6) == 1
    assert {finding.scan for finding in history.findings()} == set(numbers[1:])


def test_what_is_too_old_goes_by_itself(history: History) -> None:
    history.add(*scanned(bad(), began=1e6))
    history.add(*scanned(bad(), began=1e6 + KEPT_SECONDS + 1))
    assert [scan.began for scan in history.scans()] == [1e6 + KEPT_SECONDS + 1]


def test_the_history_is_private(tmp_path: Path, history: History) -> None:
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state/history.sqlite").stat().st_mode) == 0o600


def test_scans_at_the_same_time_are_all_recorded(tmp_path: Path) -> None:
    def record() -> None:
        recorder = Recorder(tmp_path / "history.sqlite")
        run, summary, found = scanned(bad())
        for path, report in found:
            recorder.file(path, report)
        recorder.end(run, summary)
        troubles.append(recorder.trouble)

    troubles: list[str] = []
    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with History(tmp_path / "history.sqlite") as history:
        assert (len(list(history.scans())), len(list(history.findings()))) == (8, 8)
    assert troubles == [""] * 8


def test_findings_are_bounded_and_counts_exact(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.sqlite")
    run, summary, _ = scanned(*[bad()] * (FINDINGS_KEPT + 5))
    for _ in range(FINDINGS_KEPT + 5):
        recorder.file(PATH, bad())
    recorder.end(run, summary)
    with History(tmp_path / "history.sqlite") as history:
        assert len(list(history.findings())) == FINDINGS_KEPT
        assert next(history.scans()).found == FINDINGS_KEPT + 5


@pytest.mark.parametrize("damage", ["foreign", "later", "folder", "link"])
def test_what_cannot_be_written_is_said_and_nothing_else_happens(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "history.sqlite"
    if damage == "foreign":
        path.write_bytes(b"something else entirely" * 100)
    elif damage == "later":
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
    elif damage == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    recorder = Recorder(path)
    recorder.end(*scanned(bad())[:2])
    assert recorder.trouble.startswith("this scan is not in the history: ")
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(UsageError):
        History(path)


def test_events_say_what_was_found(history: History) -> None:
    history.add(*scanned(bad(), bad("Odd", Verdict.SUSPICIOUS)))
    first, second = history.findings()
    ocsf = events.ocsf(first)
    assert (ocsf["class_uid"], ocsf["type_uid"], ocsf["time"], ocsf["severity_id"]) == (2004, 200401, 10**9, 4)
    assert ocsf["finding_info"]["analytic"] == {
        "name": "Own.Test|a=b",
        "uid": "own.toml:7",
        "type_id": 1,
        "type": "Rule",
    }
    assert ocsf["finding_info"]["uid"] != events.ocsf(second)["finding_info"]["uid"]
    ecs = events.ecs(second)
    assert (ecs["@timestamp"], ecs["event"]["kind"]) == ("1970-01-12T13:46:40.000Z", "alert")
    assert (ecs["rule"]["name"], ecs["labels"]["verdict"]) == ("Odd", "suspicious")
    assert [json.loads(line)["rule"]["name"] for line in events.lines([first, second], "ecs")] == [
        "Own.Test|a=b",
        "Odd",
    ]


def test_cef_escapes_what_would_end_a_field(history: History) -> None:
    history.add(*scanned(bad()))
    line = next(events.lines(history.findings(), "cef"))
    assert line.startswith("CEF:0|Freehold|Freehold|")
    assert r"|Own.Test\|a=b|" in line
    assert r"fname=in\\xffvoice|x\=1\\\\.zip " in line or r"fname=in\\xffvoice|x\=1\\.zip " in line
    assert "\n" not in line


def test_a_history_of_the_first_layout_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with History(path, create=True) as history:
        history.add(*scanned(bad()))
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE findings DROP COLUMN action")
        database.execute("PRAGMA user_version = 1")
    database.close()
    with History(path) as history:
        history.add(*scanned(bad()))
        assert [finding.action for finding in history.findings()] == ["", ""]
