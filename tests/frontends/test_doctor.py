"""``freehold doctor`` says what protects this machine and proves it."""

import json
from collections.abc import Sequence

import pytest

from freehold.frontends.cli import main
from freehold.sandbox import lockdown

pytestmark = pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel")


def run(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> tuple[int, str]:
    status = main(arguments)
    return status, capsys.readouterr().out


def test_it_shows_that_every_attempt_failed(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(capsys, ["doctor"])
    assert status == 0
    for words in (
        "connect by TCP",
        "send by UDP",
        "connect to a Unix socket",
        "run a program",
        "fork",
        "trace",
        "open a file",
    ):
        [line] = [line for line in out.splitlines() if f"  {words}  " in line]
        assert "blocked" in line
    assert "SUCCEEDED" not in out
    assert "seccomp" in out


def test_programs_get_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(capsys, ["doctor", "--json"])
    shown = json.loads(out)
    assert status == 0
    assert shown["holds"] is True
    assert shown["forbidden_call_ends_with"] == "SIGSYS"
    assert {attempt["group"] for attempt in shown["attempts"]} == {"files", "network", "processes", "kernel"}
    assert all(attempt["blocked"] for attempt in shown["attempts"])
    assert shown["landlock"].startswith("version ")
