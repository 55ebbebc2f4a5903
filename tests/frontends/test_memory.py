"""``freehold scan`` a second time: what is known, and that nothing hides behind it."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

MARKER = b"a harmless marker that one signature of these tests knows\n"

_AT_ONCE = """
import sys
from freehold.frontends.cli import main
from freehold.service.verdicts import memory
memory.settling = lambda: 0.0
sys.exit(main(sys.argv[1:]))
"""
"""Freehold that also remembers files that have not rested."""

Scan = Callable[..., tuple[dict[str, str], str]]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Scans with a memory of its own; returns the verdicts by name, with a star where one was known, and the errors."""
    database = tmp_path / "marker.hdb"
    database.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def run(*args: str | Path) -> tuple[dict[str, str], str]:
        time.sleep(0.02)
        command = [sys.executable, "-c", _AT_ONCE, "scan", "--format", "jsonl", "--database", database, *args]
        result = subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)
        verdicts = {}
        for line in result.stdout.splitlines():
            found = json.loads(line)
            verdicts[found["path"].rpartition("/")[2]] = found["verdict"] + "*" * found.get("known", False)
        return verdicts, result.stderr.decode()

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "below").mkdir(parents=True)
    (folder / "clean").write_text("clean")
    (folder / "below" / "clean too").write_text("clean, too")
    (folder / "found").write_bytes(MARKER)
    return folder


CLEAN = {"clean": "clean", "clean too": "clean", "found": "infected"}
KNOWN = {"clean": "clean*", "clean too": "clean*", "found": "infected"}


def test_what_is_known_is_said_and_what_is_found_is_found_again(scan: Scan, tree: Path) -> None:
    assert scan(tree) == (CLEAN, "")
    assert scan(tree) == (KNOWN, "")
    assert scan("--no-cache", tree) == (CLEAN, "")
    assert scan("--full", tree) == (CLEAN, "")
    assert scan(tree) == (KNOWN, "")


def test_no_memory_is_made_without_need(scan: Scan, tree: Path, tmp_path: Path) -> None:
    scan("--no-cache", tree)
    scan(tree / "clean")
    assert not (tmp_path / "cache" / "freehold" / "verdicts").exists()


def test_a_file_that_is_named_is_examined(scan: Scan, tree: Path) -> None:
    scan(tree)
    assert scan(tree / "clean")[0] == {"clean": "clean"}


def test_changes_are_noticed(scan: Scan, tree: Path) -> None:
    scan(tree)
    before = (tree / "clean").stat()
    (tree / "clean").write_bytes(MARKER)
    os.utime(tree / "clean", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tree / "new").write_bytes(MARKER)
    assert scan(tree)[0] == KNOWN | {"clean": "infected", "new": "infected"}


def test_new_signatures_and_other_limits_look_at_known_files(scan: Scan, tree: Path, tmp_path: Path) -> None:
    scan(tree)
    assert scan("--max-depth", "5", tree)[0] == CLEAN
    digest = hashlib.md5(b"clean").hexdigest()  # noqa: S324
    (tmp_path / "marker.hdb").write_text(f"{digest}:5:Test.Newer\n")
    assert scan(tree)[0] == {"clean": "infected", "clean too": "clean", "found": "clean"}
    assert scan(tree)[0] == {"clean": "infected", "clean too": "clean*", "found": "clean*"}


def test_options_of_the_walk_hold_for_known_files(scan: Scan, tree: Path) -> None:
    scan(tree)
    assert scan("--exclude", "clean", tree)[0] == {name: KNOWN[name] for name in ("clean too", "found")}
    assert scan("--max-size", "6", tree)[0] == {"clean": "clean*", "clean too": "incomplete", "found": "incomplete"}


@pytest.mark.parametrize("damage", ["truncated", "changed", "open to others"])
def test_a_memory_that_cannot_be_trusted_is_not_used_and_that_is_said(
    scan: Scan, tree: Path, tmp_path: Path, damage: str
) -> None:
    scan(tree)
    file = tmp_path / "cache" / "freehold" / "verdicts"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[:-1])
    elif damage == "changed":
        file.write_bytes(content.replace(b"\0" * 64, b"\1" * 64))
    else:
        file.chmod(0o644)
    verdicts, errors = scan(tree)
    assert verdicts == CLEAN
    assert "is not used" in errors
    assert scan(tree) == (KNOWN, "")


def test_only_what_changed_since_then(scan: Scan, tree: Path) -> None:
    assert scan("--changed-since", "1h", tree)[0] == CLEAN
    assert scan("--changed-since", "2100-01-01", tree)[0] == {}
    os.utime(tree / "clean", (1, 1))  # its time of change is now
    assert scan("--changed-since", "30m", "--no-cache", tree)[0] == CLEAN
    verdicts, errors = scan("--changed-since", "yesterday", tree)
    assert verdicts == {}
    assert "is not a time" in errors


def test_what_packages_brought_is_left_out(scan: Scan, tree: Path) -> None:
    if not Path("/var/lib/dpkg/info/coreutils.md5sums").is_file():
        pytest.skip("no dpkg")
    (tree / "sleep").write_bytes(Path("/bin/sleep").read_bytes())
    assert scan("--packages", "/bin/sleep", tree)[0] == CLEAN | {"sleep": "clean"}  # the copy, not the original
