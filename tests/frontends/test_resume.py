"""A scan that was killed goes on where it was, and its report is that of one which nobody interrupted."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

MARKER = b"a harmless marker that one signature of these tests knows\n"

_WRITES_EACH = """
import sys
import time
from freehold.frontends.cli import main, scan
from freehold.service import checkpoint
from freehold.service.verdicts import memory
checkpoint.WRITTEN_EVERY = 0.0
memory.settling = lambda: 1e6  # otherwise it depends on this machine's speed which files are remembered
if "--settled" in sys.argv:
    sys.argv.remove("--settled")
    memory.settling = lambda: 0.0
if "--slowly" in sys.argv:
    sys.argv.remove("--slowly")
    report = scan._Scan._report
    scan._Scan._report = lambda *args: (time.sleep(0.004), report(*args))[1]
sys.exit(main(sys.argv[1:]))
"""
"""Freehold that writes its journal after each file, and takes its time where it is to be killed."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume") / "tree"
    for number in range(120):
        below = folder / f"{number % 7}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"file {number}").write_text(f"text {number}\n" * (number * 40))
    (folder / "3" / "found").write_bytes(MARKER)
    (folder / "5" / "found too").write_bytes(MARKER)
    with zipfile.ZipFile(folder / "4" / "broken.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", b"content" * 1000)
    content = (folder / "4" / "broken.zip").read_bytes()
    (folder / "4" / "broken.zip").write_bytes(content[:40] + b"\xff\xff" + content[42:])
    database = folder.parent / "marker.hdb"
    database.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
    return folder


class Freehold:
    """Scans the tree with a cache of its own."""

    def __init__(self, tree: Path, cache: Path) -> None:
        self.tree = tree
        self.cache = cache
        self.environment = os.environ | {"XDG_CACHE_HOME": str(cache), "XDG_DATA_HOME": str(cache / "data")}

    def start(self, *args: str | Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _WRITES_EACH, "scan", "--format", "jsonl", *args]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)

    def scan(self, *args: str | Path) -> list[dict[str, Any]]:
        process = self.start("--database", self.tree.parent / "marker.hdb", *args)
        output, errors = process.communicate(timeout=60)
        assert errors == b""
        return comparable(output)

    def resume(self, *args: str | Path) -> tuple[list[dict[str, Any]], bytes]:
        output, errors = self.start("--resume", *args).communicate(timeout=60)
        return comparable(output), errors

    def kill_after(self, seconds: float, *args: str | Path, sent: int = signal.SIGKILL) -> bytes:
        """Kill a scan once its journal has begun and so many seconds have passed; returns what it complained of."""
        process = self.start("--slowly", "--database", self.tree.parent / "marker.hdb", *args)
        deadline = time.monotonic() + 30
        while self.lines() < 4 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(seconds)
        process.send_signal(sent)
        return process.communicate(timeout=60)[1]

    def lines(self) -> int:
        return sum(journal.read_bytes().count(b"\n") for journal in self.journals())

    def journals(self) -> list[Path]:
        return list((self.cache / "freehold" / "scans").glob("*.journal"))


def comparable(output: bytes) -> list[dict[str, Any]]:
    """Return a report without what no two scans share: order and durations."""
    lines: Sequence[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    for line in lines:
        del line["seconds"]
    return sorted(lines, key=lambda line: line["path"])


@pytest.fixture
def freehold(tree: Path, tmp_path: Path) -> Freehold:
    return Freehold(tree, tmp_path)


@pytest.mark.slow
def test_goes_on_after_a_kill_at_any_point(freehold: Freehold, tree: Path) -> None:
    expected = freehold.scan(tree)
    assert Counter(line["verdict"] for line in expected) == {"clean": 120, "infected": 2, "incomplete": 1}
    assert freehold.journals() == []
    rng = random.Random(11)
    gone_on = 0
    for number in range(25):
        freehold.kill_after(rng.uniform(0, 0.4), "--jobs", "1", tree)
        if not freehold.journals():
            continue  # it had come to its end
        if number % 2:  # killed once more while it goes on: that makes 50
            process = freehold.start("--slowly", "--resume", "--jobs", "1")
            time.sleep(rng.uniform(0.1, 0.4))
            process.kill()
            process.communicate()
        if freehold.journals():
            report, errors = freehold.resume()
            assert (report, errors) == (expected, b"")
            gone_on += 1
        assert freehold.journals() == []
    assert gone_on >= 10


def test_nothing_is_examined_twice(freehold: Freehold, tree: Path) -> None:
    expected = freehold.scan(tree)
    freehold.kill_after(0.03, "--jobs", "1", tree)
    (journal,) = freehold.journals()
    done = {json.loads(line[9:])[0] for line in journal.read_bytes().splitlines()[1:]}
    assert done
    process = freehold.start("--slowly", "--resume", "--jobs", "1")
    output, _ = process.communicate(timeout=60)
    seconds = {line["path"]: line["seconds"] for line in map(json.loads, output.splitlines())}
    again = freehold.scan("--no-cache", tree)
    assert again == comparable(output) == expected
    assert done <= seconds.keys()


def test_ctrl_c_says_how_to_go_on(freehold: Freehold, tree: Path) -> None:
    expected = freehold.scan(tree)
    errors = freehold.kill_after(0.02, "--jobs", "1", tree, sent=signal.SIGINT)
    assert b"freehold scan --resume" in errors
    assert freehold.resume(tree, "--database", tree.parent / "marker.hdb")[0] == expected


def test_what_the_memory_knows_does_not_change_the_report(freehold: Freehold, tree: Path) -> None:
    expected = freehold.scan("--settled", tree)
    freehold.kill_after(0.02, "--settled", "--full", "--jobs", "1", tree)
    assert freehold.resume("--settled", "--full")[0] == expected


def test_changed_files_are_examined_again_and_vanished_ones_reported(
    freehold: Freehold, tree: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for number in range(60):
        (own / f"{number:02}").write_text("some text\n" * 3000)
    freehold.kill_after(0.0, "--jobs", "1", own)
    (journal,) = freehold.journals()
    first, second, *_ = [json.loads(line[9:])[0] for line in journal.read_bytes().splitlines()[1:]]
    Path(first).write_bytes(MARKER)
    Path(second).unlink()
    verdicts = {line["path"]: line["verdict"] for line in freehold.resume()[0]}
    assert len(verdicts) == 60
    assert verdicts[first] == "infected"
    assert verdicts[second] == "clean"


def test_other_signatures_begin_anew(freehold: Freehold, tree: Path, tmp_path: Path) -> None:
    database = tmp_path / "own.hdb"
    database.write_text(f"{hashlib.md5(b'x').hexdigest()}:1:Test.X\n")  # noqa: S324
    process = freehold.start("--database", database, "--jobs", "1", tree)
    while not freehold.journals() and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    database.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
    report, errors = freehold.resume()
    assert b"begins anew" in errors
    assert Counter(line["verdict"] for line in report)["infected"] == 2


@pytest.mark.parametrize("damage", ["cut", "changed", "open to others", "empty"])
def test_a_damaged_journal_counts_as_far_as_it_is_whole(freehold: Freehold, tree: Path, damage: str) -> None:
    expected = freehold.scan(tree)
    freehold.kill_after(0.03, "--jobs", "1", tree)
    (journal,) = freehold.journals()
    content = bytearray(journal.read_bytes())
    if damage == "cut":
        journal.write_bytes(content[:-5])
    elif damage == "changed":
        at = content.index(b"\n", len(content) // 2) + 20
        content[min(at, len(content) - 2)] ^= 1
        journal.write_bytes(content)
    elif damage == "open to others":
        journal.chmod(0o646)
    else:
        journal.write_bytes(b"")
    report, errors = freehold.resume()
    if damage in {"cut", "changed"}:
        assert (report, errors) == (expected, b"")
    else:
        assert b"there is no interrupted scan" in errors


def test_says_when_there_is_nothing_to_go_on_with(freehold: Freehold, tree: Path) -> None:
    for args in ([], [tree]):
        process = freehold.start("--resume", *args)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 3
        assert b"there is no interrupted scan" in errors
