"""``freehold history`` and ``freehold report``, and what a scan leaves behind for other programs."""

import csv
import io
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.frontends.conftest import Run


@pytest.fixture
def recorded(freehold: Run, environment: dict[str, str], eicar: bytes, tmp_path: Path) -> dict[str, str]:
    """A history of two scans, the second of which found something."""
    env = environment | {"XDG_STATE_HOME": str(tmp_path / "state")}
    (tmp_path / "in").mkdir()
    (tmp_path / "in/clean.txt").write_text("nothing here")
    assert freehold("scan", tmp_path / "in", env=env).returncode == 0
    (tmp_path / "in/=evil.com").write_bytes(eicar)
    assert freehold("scan", tmp_path / "in", env=env).returncode == 1
    return env


def test_scans_are_listed_the_latest_first(freehold: Run, recorded: dict[str, str], tmp_path: Path) -> None:
    rows = json.loads(freehold("history", "list", "--format", "json", env=recorded).stdout)
    assert [(row["number"], row["files"], row["found"], row["status"]) for row in rows] == [(2, 2, 1, 1), (1, 1, 0, 0)]
    assert rows[0]["targets"] == [str(tmp_path / "in")]
    text = freehold("history", env=recorded).stdout.decode()
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["2", "1"]
    assert "and 1 more" in freehold("history", "list", "--limit", "1", env=recorded).stdout.decode()
    assert (
        json.loads(freehold("history", "list", "--since", "2099-01-01", "--format", "json", env=recorded).stdout) == []
    )


def test_one_scan_is_shown(freehold: Run, recorded: dict[str, str], tmp_path: Path) -> None:
    shown = json.loads(freehold("history", "show", "2", "--format", "json", env=recorded).stdout)
    assert [finding["name"] for finding in shown["findings"]] == ["Test.EICAR.Exact"]
    assert b"=evil.com: INFECTED Test.EICAR.Exact" in freehold("history", "show", "2", env=recorded).stdout
    assert b"there is no scan 3" in freehold("history", "show", "3", env=recorded).stderr


def test_old_scans_are_forgotten(freehold: Run, recorded: dict[str, str]) -> None:
    assert freehold("history", "prune", "--older-than", "1d", env=recorded).stdout == b"0 scans forgotten\n"
    assert freehold("history", "prune", "--older-than", "0s", env=recorded).stdout == b"2 scans forgotten\n"
    assert freehold("history", "prune", "--older-than", "soon", env=recorded).returncode == 3


def test_a_scan_need_not_be_recorded(freehold: Run, environment: dict[str, str], tmp_path: Path) -> None:
    env = environment | {"XDG_STATE_HOME": str(tmp_path / "none")}
    freehold("scan", "--no-history", tmp_path, env=env)
    assert not (tmp_path / "none").exists()
    assert b"there is no history yet" in freehold("history", env=env).stderr


def test_a_history_that_cannot_be_written_does_not_fail_the_scan(
    freehold: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    done = freehold("scan", tmp_path / "state", env=environment | {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.returncode == 0
    assert done.stderr.startswith(b"freehold: warning: this scan is not in the history: ")


def test_a_report_for_spreadsheets_holds_no_formula(freehold: Run, recorded: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(freehold("report", "--format", "csv", env=recorded).stdout.decode())))
    assert [(row["scan"], row["verdict"], row["name"]) for row in rows] == [("2", "infected", "Test.EICAR.Exact")]
    assert rows[0]["artifact"] == "'=evil.com"


def test_a_report_for_people_has_the_numbers(freehold: Run, recorded: dict[str, str], tmp_path: Path) -> None:
    done = freehold("report", "--since", "1d", "--output", tmp_path / "report.html", env=recorded)
    page = (tmp_path / "report.html").read_text()
    assert (done.returncode, done.stdout) == (0, b"")
    assert "1 finding in 1 file" in page
    assert "<dt>Scans</dt><dd>2</dd>" in page
    assert "<script" not in page
    empty = freehold("report", "--since", "2099-01-01", env=recorded).stdout
    assert b"No scan in this time" in empty


def test_metrics_are_what_prometheus_reads(freehold: Run, eicar: bytes, tmp_path: Path) -> None:
    (tmp_path / "evil.com").write_bytes(eicar)
    metrics = tmp_path / "freehold.prom"
    assert freehold("scan", "--prometheus", metrics, tmp_path / "evil.com").returncode == 1
    families = {family.name: family for family in text_string_to_metric_families(metrics.read_text())}
    values = {sample.labels["verdict"]: sample.value for sample in families["freehold_scan_files"].samples}
    assert values == {"infected": 1, "suspicious": 0, "prohibited": 0, "incomplete": 0, "clean": 0}
    assert families["freehold_scan_exit_status"].samples[0].value == 1
    done = freehold("scan", "--prometheus", tmp_path / "none/x.prom", tmp_path / "evil.com")
    assert (done.returncode, b"the metrics were not written" in done.stderr) == (1, True)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A real rsyslogd that listens on a local port, UDP and TCP, and on a Unix socket."""
    if not shutil.which("rsyslogd"):
        pytest.skip("rsyslog is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "rsyslog.conf").write_text(
        f'module(load="imudp")\nmodule(load="imtcp")\nmodule(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{port}")\n'
        f'input(type="imuxsock" Socket="{tmp_path}/log")\n'
        f'template(name="raw" type="string" string="%syslogseverity-text% %programname% %msg%\\n")\n'
        f'*.* action(type="omfile" file="{tmp_path}/messages" template="raw")\n'
    )
    command = ["rsyslogd", "-n", "-f", tmp_path / "rsyslog.conf", "-i", tmp_path / "pid"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (tmp_path / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield port, tmp_path
    server.terminate()
    server.wait(10)


def messages(folder: Path, count: int) -> list[str]:
    deadline = time.monotonic() + 20
    lines: list[str] = []
    while len(lines) < count and time.monotonic() < deadline:
        time.sleep(0.05)
        text = (folder / "messages").read_text() if (folder / "messages").exists() else ""
        lines = [line for line in text.splitlines() if "CEF:0" in line]
    return lines


def test_a_log_collector_gets_findings(
    freehold: Run, recorded: dict[str, str], collector: tuple[int, Path], eicar: bytes
) -> None:
    port, folder = collector
    for address in (f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}", f"{folder}/log"):
        done = freehold("report", "--format", "cef", "--syslog", address, env=recorded)
        assert (done.returncode, done.stderr) == (0, f"1 sent to {address}\n".encode())
    lines = messages(folder, 3)
    assert len(lines) == 3
    assert all(line.startswith("warning freehold ") and "Test.EICAR.Exact" in line for line in lines)
    (folder / "other.com").write_bytes(eicar)
    freehold("scan", "--syslog", f"{folder}/log", folder / "other.com", env=recorded)
    assert "other.com" in messages(folder, 4)[-1]


def test_a_collector_that_is_not_there_is_said(freehold: Run, recorded: dict[str, str], tmp_path: Path) -> None:
    done = freehold("report", "--format", "cef", "--syslog", f"{tmp_path}/none", env=recorded)
    assert (done.returncode, b"takes nothing" in done.stderr) == (3, True)
    assert b"is no address of a log collector" in freehold("scan", "--syslog", "http://x", tmp_path).stderr
    done = freehold("scan", "--syslog", f"{tmp_path}/none", tmp_path / "in", env=recorded)
    assert (done.returncode, b"warning" in done.stderr) == (1, True)


def test_a_desktop_is_notified_over_its_bus(
    freehold: Run, environment: dict[str, str], eicar: bytes, tmp_path: Path
) -> None:
    if not (shutil.which("dbus-run-session") and shutil.which("dbus-monitor")):
        pytest.skip("dbus is not installed")
    (tmp_path / "<b>evil.com").write_bytes(eicar)
    script = (
        f"dbus-monitor --session > {tmp_path}/calls & sleep 0.5; "
        f"freehold scan --notify '{tmp_path}/<b>evil.com'; sleep 0.5; kill %1"
    )
    env = environment | {"PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-mc", script], env=env, capture_output=True, timeout=60, check=False
    )
    calls = (tmp_path / "calls").read_text()
    assert "member=Notify" in calls
    assert 'string "Freehold found something in 1 file"' in calls
    assert 'string "Test.EICAR.Exact in &lt;b>evil.com"' in calls
    # Nobody shows notifications on this bus; the scan says so and counts all the same.
    assert b"warning: no notification could be shown" in done.stderr


def test_what_was_done_and_what_is_allowed_is_recorded(
    freehold: Run, environment: dict[str, str], eicar: bytes, tmp_path: Path
) -> None:
    env = environment | {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("STATE", "DATA", "CONFIG")}
    (tmp_path / "in").mkdir()
    (tmp_path / "in/evil.com").write_bytes(eicar)
    assert freehold("scan", "--quarantine", tmp_path / "in", env=env).returncode == 1
    (tmp_path / "in/again.com").write_bytes(eicar)
    added = freehold("list", "add", "allow", "--file", tmp_path / "in/again.com", "--reason", "ours", env=env)
    assert added.returncode == 0, added.stderr
    assert freehold("scan", tmp_path / "in", env=env).returncode == 0
    rows = [json.loads(line) for line in freehold("report", "--format", "ecs", env=env).stdout.splitlines()]
    assert {(row["file"]["name"], row["event"]["action"]) for row in rows} == {
        ("again.com", "allowed"),
        ("evil.com", "quarantined"),
    }
    page = freehold("report", env=env).stdout.decode()
    assert "1 finding in 1 file" in page
    assert "allowed by lists" in page
