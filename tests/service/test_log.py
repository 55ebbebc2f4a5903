"""The log: one line for each event, whatever strangers put into it."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.model.report import Action, Detection, Outcome, Problem, ProblemKind, Report
from freehold.service.log import Log


def report() -> Report:
    found = Report(7, detections=[Detection("Evil\nevent=forged", "x", 0, 1, "x.ndb:1")])
    found.actions.append(Action(Outcome.QUARANTINED, "taken", "0123456789ab"))
    return found


def test_names_of_strangers_begin_no_line_of_their_own() -> None:
    stream = io.StringIO()
    Log(stream).verdict("pid 1", b"a\nb \xff\x1b[2J", report())
    lines = stream.getvalue().splitlines()
    assert [re.findall(r"event=(\S+)", line)[0] for line in lines] == ["found", "quarantined"]
    assert all(line.isprintable() for line in lines)


def test_json_says_the_same() -> None:
    stream = io.StringIO()
    log = Log(stream, as_json=True)
    log.verdict("pid 1", b"a\nb \xff", report())
    log.verdict("pid 1", b"c", Report(1, problems=[Problem(ProblemKind.ENCRYPTED, "x", "is encrypted")]))
    log.verdict("pid 1", b"d", Report(1))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["event"], event["level"]) for event in events] == [
        ("found", "warning"),
        ("quarantined", "warning"),
        ("incomplete", "info"),
    ]
    assert events[0]["what"] == "a\nb \\xff"
    assert events[1]["item"] == "0123456789ab"


@pytest.mark.parametrize("is_journal", [True, False])
def test_the_journal_gets_its_priorities(tmp_path: Path, is_journal: bool) -> None:
    program = "from freehold.service.log import Log; Log().warning('careful'); Log().note('done')"
    with (tmp_path / "journal").open("wb") as stream:
        status = os.fstat(stream.fileno())
        environment = os.environ | {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + (not is_journal)}"}
        subprocess.run([sys.executable, "-c", program], stderr=stream, env=environment, check=True)
    lines = (tmp_path / "journal").read_text().splitlines()
    if is_journal:
        assert lines == ["<4>event=careful", "<6>event=done"]
    else:
        assert [line.split(" ", 1)[1] for line in lines] == ["warning event=careful", "info event=done"]


def test_a_reader_that_is_gone_keeps_nobody_from_working() -> None:
    program = "from freehold.service.log import Log; log = Log(); [log.note('x') for _ in range(3)]; print('works')"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", program], stderr=writer, stdout=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stdout == b"works\n"
