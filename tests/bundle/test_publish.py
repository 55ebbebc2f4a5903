"""A build that dies at any moment leaves the old database or the new one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.bundle import Bundle
from freehold.bundle.publish import replaced
from freehold.engine.matchers import load
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput, UsageError
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView
from freehold.signatures.compile import build

PACK = """
[[rule]]
name = "%s"
condition = "any of them"
[rule.patterns]
a = { text = "hello" }
"""

DIES = """
import os, sys
from pathlib import Path
from freehold.signatures.compile import build

left = int(sys.argv[3])

def progress(text, share):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)

build([Path(sys.argv[1])], Path(sys.argv[2]), progress=progress)
"""


def rule_name(bundle):
    (segment,) = Bundle.open(bundle).segments
    return segment.about(0).name


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "old.toml").write_text(PACK % "old")
    (tmp_path / "new.toml").write_text(PACK % "new")
    build([tmp_path / "old.toml"], tmp_path / "out" / "db")
    return tmp_path


def test_killed_builds_leave_the_old_database_and_the_next_one_cleans_up(sources):
    statuses = []
    for step in range(1, 6):
        command = [sys.executable, "-c", DIES, sources / "new.toml", sources / "out" / "db", str(step)]
        statuses.append(subprocess.run(command, check=False).returncode)
        assert rule_name(sources / "out" / "db") == ("old" if statuses[-1] else "new")
    assert statuses[:3] == [-9] * 3
    assert statuses[-1] == 0
    assert [path.name for path in (sources / "out").iterdir()] == ["db"]


def test_a_failed_build_leaves_nothing_behind(sources):
    (sources / "bad.toml").write_text("[[rule]]\nname = 3\n")
    with pytest.raises(MalformedInput, match=r"bad.toml:1: .*must be a table"):
        build([sources / "bad.toml"], sources / "out" / "db", strict=True)
    assert rule_name(sources / "out" / "db") == "old"
    assert [path.name for path in (sources / "out").iterdir()] == ["db"]


def test_readers_of_the_old_database_go_on(sources):
    before = Bundle.open(sources / "out" / "db")
    build([sources / "new.toml"], sources / "out" / "db")
    assert before.segments[0].about(0).name == "old"
    assert rule_name(sources / "out" / "db") == "new"


def test_other_things_are_not_replaced(sources):
    (sources / "precious").mkdir()
    (sources / "precious" / "file").write_text("x")
    for destination in (sources / "precious", sources / "old.toml"):
        with pytest.raises(UsageError, match="not a compiled database"):
            build([sources / "new.toml"], destination)
    assert (sources / "precious" / "file").read_text() == "x"


def test_an_empty_directory_is_replaced(sources):
    (sources / "empty").mkdir()
    build([sources / "new.toml"], sources / "empty")
    assert rule_name(sources / "empty") == "new"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_place_is_explained(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot write"), replaced(tmp_path / "x"):
        pass


def test_builds_at_the_same_time_do_not_disturb_each_other(sources):
    with replaced(sources / "out" / "db") as one, replaced(sources / "out" / "db") as other:
        assert one != other
        for folder in (one, other):
            build([sources / "new.toml"], folder)
    assert rule_name(sources / "out" / "db") == "new"
    assert [path.name for path in (sources / "out").iterdir()] == ["db"]
    assert Path(sources / "out" / "db").is_dir()


def test_what_was_opened_before_a_replacement_can_still_be_loaded(sources):
    before = Bundle.open(sources / "out" / "db")
    build([sources / "new.toml"], sources / "out" / "db")
    (matcher,) = load([before])
    artifact = Artifact("x", BytesView(b"hello"))
    assert [detection.name for detection in matcher.match(artifact, Budget(Limits()))] == ["old"]


def test_opening_while_it_is_replaced_never_fails(sources):
    code = "from freehold.signatures.compile import build; from pathlib import Path; import sys\n"
    code += "for _ in range(15):\n  for name in ('new', 'old'):\n"
    code += "    build([Path(sys.argv[1], f'{name}.toml')], Path(sys.argv[1], 'out', 'db'))"
    with subprocess.Popen([sys.executable, "-c", code, sources]) as builder:
        opened = []
        while builder.poll() is None:
            opened.append(rule_name(sources / "out" / "db"))
    assert builder.returncode == 0
    assert set(opened) == {"old", "new"}
