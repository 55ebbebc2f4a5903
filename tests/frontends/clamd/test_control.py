"""Looking at a running daemon: ``freehold top`` and ``freehold doctor --service``."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.clamd.conftest import Running, Start, everything, stream

Freehold = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def daemon(serve: Start, database: Path) -> Running:
    return serve(database)


def control(daemon: Running) -> Path:
    return daemon.path.with_name("control.sock")


def status(freehold: Freehold, daemon: Running) -> dict[str, Any]:
    done = freehold("top", "--json", "--once", "--control", control(daemon))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_was_done_is_counted(freehold: Freehold, daemon: Running, tmp_path: Path) -> None:
    before = status(freehold, daemon)
    for number in range(3):  # few, so that all are among the slowest ones that are shown
        daemon.ask(b"zINSTREAM\0", stream(b"clean %d" % number))
    for number in range(2):
        daemon.ask(b"zINSTREAM\0", stream(b"%d freehold-marker-one" % number))
    (tmp_path / "evil\x1b[2J\n").write_bytes(b"freehold-marker-two")
    daemon.ask(b"zCONTSCAN %s\0" % os.fsencode(tmp_path))
    after = status(freehold, daemon)
    assert after["requests"] - before["requests"] == 6
    assert after["verdicts"]["clean"] - before["verdicts"].get("clean", 0) == 3
    assert after["verdicts"]["infected"] - before["verdicts"].get("infected", 0) == 3
    assert dict(after["signatures"])["Test.One"] == 2
    assert sum(after["durations"]["counts"]) == after["requests"]
    assert after["queued"] == 0
    assert 1 <= len(after["workers"]) <= after["jobs"] == 2
    view = freehold("top", "--once", "--control", control(daemon)).stdout
    assert b"Test.One" in view
    assert b"\x1b" not in view
    assert b"evil\\x1b[2J\\x0a" in view


def test_the_kernel_says_that_workers_are_confined(freehold: Freehold, daemon: Running) -> None:
    daemon.ask(b"zINSTREAM\0", stream(b"a worker is there"))
    done = freehold("doctor", "--service", "--json", "--control", control(daemon))
    found = json.loads(done.stdout)
    assert (done.returncode, found["holds"]) == (0, True), found
    assert found["daemon"] == daemon.process.pid
    assert {finding["process"] for finding in found["findings"]} == {found["daemon"], *found["workers"]}
    done = freehold("doctor", "--service", "--control", control(daemon))
    assert b"All workers are confined." in done.stdout


def test_workers_that_are_not_confined_are_found_out(freehold: Freehold, serve: Start, database: Path) -> None:
    daemon = serve(database, "--unsafe-no-sandbox")
    daemon.ask(b"zINSTREAM\0", stream(b"a worker is there"))
    done = freehold("doctor", "--service", "--control", control(daemon))
    assert done.returncode == 1
    assert b"NOT CONFINED" in done.stdout


@pytest.mark.parametrize("sent", [b"", b"\n", b"nothing\n", b"x" * 1000, b'{"ask": "status"}\n', b"\xff\0\n"])
def test_other_questions_get_an_answer_too(daemon: Running, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(os.fspath(control(daemon)))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert "unknown question" in json.loads(everything(connection))["error"]


def test_others_are_told_nothing(daemon: Running) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    assert control(daemon).stat().st_mode & 0o777 == 0o600
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as connection:
        Path(name).chmod(0o755)
        (Path(name) / "socket").hardlink_to(control(daemon))
        control(daemon).chmod(0o666)
        os.seteuid(65534)
        try:
            connection.connect(os.fspath(Path(name) / "socket"))
        finally:
            os.seteuid(0)
            control(daemon).chmod(0o600)
        connection.sendall(b"status\n")
        assert set(json.loads(everything(connection))) == {"error"}


@pytest.mark.parametrize("command", [["top", "--once"], ["doctor", "--service"]])
def test_without_a_daemon_the_error_says_what_to_do(freehold: Freehold, tmp_path: Path, command: list[str]) -> None:
    done = freehold(*command, "--control", tmp_path / "missing")
    assert done.returncode == 3
    assert b"start 'freehold serve'" in done.stderr
