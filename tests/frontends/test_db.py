"""``freehold db`` from the outside."""

import json
import subprocess
import sys

import pytest

PACK = '[[rule]]\nname = "Test.Hello"\ncondition = "a"\n[rule.patterns]\na = { text = "hello" }\n'


def freehold(*arguments):
    code = "import sys; from freehold.frontends.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "rules.toml").write_text(PACK)
    (tmp_path / "rules.hdb").write_text("aa15bcf478d165efd2065190eb473bcb:544:Test.File\nnonsense\n")
    return tmp_path


def test_build_info_verify(rules):
    out = rules / "out"
    built = freehold("db", "build", rules / "rules.toml", rules / "rules.hdb", "-o", out)
    assert built.returncode == 0
    assert "2 signatures (1 clamav-hash, 1 pack), 1 left out" in built.stdout
    assert "rules.hdb:2: left out:" in built.stderr
    facts = json.loads(freehold("db", "info", "--json", out).stdout)
    assert facts["languages"] == {"clamav-hash": 1, "pack": 1}
    assert facts["targets"] == {"any": 1}
    assert "2 signatures" in freehold("db", "info", out).stdout
    assert freehold("db", "verify", out).returncode == 0


def test_building_on_a_compiled_database(rules):
    out = rules / "out"
    freehold("db", "build", rules / "rules.toml", "-o", out)
    (rules / "today.ldb").write_text("Today.A;Engine:51-255,Target:0;0;00110000\n")
    (rules / "less.ign2").write_text("Test.Hello\n")
    built = freehold("db", "build", rules / "today.ldb", rules / "less.ign2", "--base", out, "-o", out)
    assert built.returncode == 0, built.stderr
    facts = json.loads(freehold("db", "info", "--json", out).stdout)
    assert [(s["name"], s["signatures"]) for s in facts["segments"]] == [("base", 1), ("overlay-1", 2)]
    assert facts["ignored"] == ["Test.Hello"]
    assert [(a["atom"], a["signature"]) for a in facts["weakest_atoms"]] == [("00110000", "Today.A")]
    text = freehold("db", "info", out).stdout
    assert "never reported: Test.Hello" in text
    assert "Today.A" in text
    wrong = freehold("db", "build", rules / "today.ldb", "--base", rules / "nothing", "-o", out)
    assert wrong.returncode == 3
    assert "nothing is not a compiled database" in wrong.stderr


def test_strict_builds_nothing(rules):
    built = freehold("db", "build", "--strict", rules / "rules.hdb", "-o", rules / "out")
    assert built.returncode == 3
    assert "rules.hdb:2" in built.stderr
    assert not (rules / "out").exists()


def test_damage_is_told(rules):
    freehold("db", "build", rules / "rules.toml", "-o", rules / "out")
    path = rules / "out" / "base" / "root.any.hs"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    verified = freehold("db", "verify", rules / "out")
    assert verified.returncode == 3
    assert "root.any.hs is damaged" in verified.stderr
    assert "Traceback" not in verified.stderr


def test_the_gate(rules):
    good = rules / "good"
    good.mkdir()
    (good / "one.txt").write_text("nothing to see")
    gate = ("db", "gate", "--unsafe-no-sandbox", "--database", rules / "rules.toml", "--known-good", good)
    assert freehold(*gate).returncode == 0
    (good / "two.txt").write_text("well, hello there")
    failed = freehold(*gate)
    assert failed.returncode == 1
    assert "two.txt: Test.Hello (rules.toml:1)" in failed.stdout
    assert "2 known-good files: 1 detected" in failed.stderr
