"""``freehold db test``: what a signature's writer sees."""

from pathlib import Path

import pytest
from tests.differential import clamscan
from tests.frontends.conftest import Run

GOOD = "Own.Test;Engine:51-255,Target:1;0&1;EP+0:558bec??6aff;6576696c2d6d61726b6572"
RULE = """
[[rule]]
name = "Own.Rule"
targets = ["text"]
condition = "head and 2 of (a, b, c)"
[rule.patterns]
head = { regex = '^#!/bin/sh\\b' }
a = { text = "Quizzical" }
b = { text = "jazz", fullword = true, nocase = true }
c = { hex = "66 75 7? [1-3] 7a" }
"""


def test_a_good_signature(freehold: Run) -> None:
    done = freehold("db", "test", GOOD)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines[-1] == "1 signature: 0 rejected; 16 carriers and 0 files: 0 not as expected"
    assert [line.split()[1:] for line in lines[:2]] == [
        ["expected", "match", "got", "match", "ok"],
        ["expected", "no", "match", "got", "no", "match", "ok"],
    ]


def test_carriers_are_kept_and_clamscan_agrees(freehold: Run, tmp_path: Path) -> None:
    if clamscan.CLAMSCAN is None:
        pytest.skip("clamscan is not installed")
    kept = tmp_path / "kept"
    assert freehold("db", "test", GOOD, "--keep", kept).returncode == 0
    files = sorted(kept.iterdir())
    found = clamscan.scan({"a.ldb": GOOD.encode() + b"\n"}, [file.read_bytes() for file in files], tmp_path / "theirs")
    assert [bool(names) for names in found] == [file.name.endswith(".match") for file in files]
    again = freehold("db", "test", GOOD, "--keep", kept)
    assert again.returncode == 3
    assert b"is not empty" in again.stderr


def test_a_rule_of_a_pack_and_files(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULE)
    (tmp_path / "hit.sh").write_text("#!/bin/sh\necho Quizzical JAZZ\n")
    (tmp_path / "miss.sh").write_text("#!/bin/sh\necho Quizzical jazzy\n")
    hit = freehold("db", "test", tmp_path / "rules.toml", tmp_path / "hit.sh")
    assert hit.returncode == 0, hit.stdout
    assert b"hit.sh: Own.Rule in hit.sh at offset" in hit.stdout
    miss = freehold("db", "test", "--database", tmp_path / "rules.toml", "Own.Rule", tmp_path / "miss.sh")
    assert miss.returncode == 1
    assert b"miss.sh: no match" in miss.stdout


def test_all_own_signatures_do_what_they_should(freehold: Run) -> None:
    own = Path(__file__).parents[1] / "differential" / "own.ldb"
    done = freehold("db", "test", own)
    assert done.returncode == 0, done.stdout
    assert b"34 signatures: 0 rejected" in done.stdout


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("A;Target:0;0;zz", "argument.ldb:1: rejected: 'zz' cannot be read as a pattern"),
        ("A;Engine:81-255,Target:0;0&1>2;aabbccdd;0/xyz/", "it can never match"),
        ("A;Engine:51-255,Target:1,IconGroup1:X;0;aabbccdd", "has an icon of group 'X'"),
    ],
)
def test_faults_are_told(freehold: Run, signature: str, words: str) -> None:
    done = freehold("db", "test", signature)
    assert done.returncode == 1
    assert words in done.stdout.decode()


def test_signatures_that_nothing_can_be_made_for_are_tried_on_files(
    freehold: Run, eicar: bytes, tmp_path: Path
) -> None:
    import hashlib

    (tmp_path / "eicar.com").write_bytes(eicar)
    digest = hashlib.sha256(eicar).hexdigest()
    done = freehold("db", "test", f"{digest}:68:Own.File", tmp_path / "eicar.com")
    assert done.returncode == 0
    assert b"Own.File in eicar.com at offset 0" in done.stdout
    yara = 'rule own { strings: $a = "EICAR-STANDARD" condition: $a }'
    assert freehold("db", "test", yara, tmp_path / "eicar.com").returncode == 0


def test_nothing_to_test_is_an_error(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.ldb").write_text("# nothing\n")
    for what in (tmp_path / "empty.ldb", tmp_path / "missing.ldb", "No.Such.Name"):
        done = freehold("db", "test", what)
        assert done.returncode == 3
        assert done.stderr.startswith(b"freehold: error: ")
