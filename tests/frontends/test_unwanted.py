"""Potentially unwanted programs: asked for or not, and what they may not outrank."""

import json
from pathlib import Path

import pytest
from tests.frontends.conftest import Run

CONTENT = b"\0\0\1\0\0\1\0\0unwanted marker"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.ndb").write_text(f"PUA.Own.Known:0:*:{b'marker'.hex()}\n")
    (folder / "b.ndu").write_text(f"PUA.Own.Asked:0:*:{b'unwanted'.hex()}\n")
    (tmp_path / "file").write_bytes(CONTENT)
    return folder


def names(freehold: Run, *arguments: str | Path) -> list[str]:
    run = freehold("scan", "--format", "jsonl", *arguments)
    return [detection["name"] for detection in json.loads(run.stdout.splitlines()[0])["detections"]]


def test_a_scan_asks_for_them(freehold: Run, rules: Path, tmp_path: Path) -> None:
    scan = ("--database", rules, tmp_path / "file")
    assert names(freehold, *scan) == ["PUA.Own.Known"]
    assert names(freehold, "--detect-pua", *scan) == ["PUA.Own.Known", "PUA.Own.Asked"]
    assert names(freehold, *scan) == ["PUA.Own.Known"]
    explained = freehold("explain", "--detect-pua", "--format", "json", "--database", rules, tmp_path / "file")
    assert b"PUA.Own.Asked" in explained.stdout


def test_a_build_asks_for_them(freehold: Run, rules: Path, tmp_path: Path) -> None:
    without = freehold("db", "build", rules, "-o", tmp_path / "without")
    assert b"potentially unwanted" in without.stderr
    done = freehold("db", "build", "--detect-pua", rules, "-o", tmp_path / "with")
    assert (done.returncode, done.stderr) == (0, b"")
    assert names(freehold, "--database", tmp_path / "without", tmp_path / "file") == ["PUA.Own.Known"]
    assert len(names(freehold, "--database", tmp_path / "with", tmp_path / "file")) == 2


def test_a_feed_asks_for_them(
    freehold: Run, rules: Path, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(environment, "XDG_DATA_HOME", str(tmp_path / "data"))
    assert freehold("feed", "add", "own", "--detect-pua", "--from", rules).returncode == 0
    assert {"PUA.Own.Known", "PUA.Own.Asked"} == set(names(freehold, tmp_path / "file"))


def test_nothing_could_be_asked_of_what_is_compiled(freehold: Run, rules: Path, tmp_path: Path) -> None:
    freehold("db", "build", rules, "-o", tmp_path / "bundle")
    for database in ((), ("--database", tmp_path / "bundle")):
        run = freehold("scan", "--detect-pua", *database, tmp_path / "file")
        assert run.returncode == 3
        assert b"--detect-pua decides what is compiled" in run.stderr


def test_they_do_not_end_a_scan_and_are_left_out_beside_what_is_worse(
    freehold: Run, rules: Path, tmp_path: Path
) -> None:
    (rules / "c.ndb").write_text(f"Own.Worse:0:*:{b'ed marker'.hex()}\nHeuristics.Own:0:*:{b'arke'.hex()}\n")
    scan = ("--database", rules, tmp_path / "file")
    assert names(freehold, *scan) == ["Own.Worse"]
    every = names(freehold, "--all-matches", *scan)
    assert every[0] == "Own.Worse"
    assert set(every[1:]) == {"PUA.Own.Known", "Heuristics.Own"}
