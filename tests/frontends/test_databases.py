"""What --database names is compiled once, and again when anything about it changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.frontends.conftest import Run

from freehold.bundle import Bundle
from freehold.frontends.cli import databases
from freehold.model.errors import UsageError
from freehold.signatures.compile import build

PACK = '[[rule]]\nname = "%s"\ncondition = "a"\n[rule.patterns]\na = { text = "hello" }\n'

RESOLVE = """
import sys
from freehold.frontends.cli import databases
from freehold.bundle import Bundle
from freehold.frontends.cli import databases
for path in databases.resolve(sys.argv[1:]):
    print(path, Bundle.open(path).segments[0].about(0).name)
print("tomllib" in sys.modules or "hyperscan" in sys.modules, file=sys.stderr)
"""


@pytest.fixture
def home(tmp_path):
    for name in ("cache", "tmp", "rules"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "a.toml").write_text(PACK % "one")
    (tmp_path / "rules" / "b.txt").write_text("passed over")
    return tmp_path


def resolve(home, *names, cache=None):
    environment = os.environ | {"XDG_CACHE_HOME": str(cache or home / "cache"), "TMPDIR": str(home / "tmp")}
    command = [sys.executable, "-c", RESOLVE, *map(str, names)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd="/")
    return [line.rsplit(" ", 1) for line in run.stdout.splitlines()], run.stderr


def test_compiled_once_and_again_after_a_change(home):
    ((path, name),), compiled = resolve(home, home / "rules")
    assert name == "one"
    assert Path(path).parent == home / "cache" / "freehold"
    assert compiled == "True\n"
    assert resolve(home, home / "rules") == ([[path, name]], "False\n")
    (home / "rules" / "a.toml").write_text(PACK % "two")
    ((other, name),), compiled = resolve(home, home / "rules")
    assert (name, compiled) == ("two", "True\n")
    assert other != path


def test_what_is_in_use_stays_in_the_cache(home):
    used = Path(resolve(home, home / "rules")[0][0][0])
    os.utime(used, (1, 1))
    for number in range(16):
        folder = home / "cache" / "freehold" / f"{number:032x}"
        folder.mkdir()
        os.utime(folder, (2 + number, 2 + number))
    assert resolve(home, home / "rules")[0][0][0] == str(used)
    assert used.stat().st_mtime > 1_000_000
    (home / "rules" / "a.toml").write_text(PACK % "two")
    other = Path(resolve(home, home / "rules")[0][0][0])
    left = {path for path in (home / "cache" / "freehold").iterdir() if path.is_dir()}
    assert len(left) == 16
    assert {used, other} <= left


def test_a_compiled_bundle_is_used_as_it_is(home):
    build([home / "rules"], home / "bundle")
    assert resolve(home, home / "bundle") == ([[str(home / "bundle"), "one"]], "False\n")


def test_bundles_and_sources_together(home):
    build([home / "rules"], home / "bundle")
    (home / "rules" / "a.toml").write_text(PACK % "two")
    found, _ = resolve(home, home / "rules" / "a.toml", home / "bundle")
    assert [name for _, name in found] == ["one", "two"]


def test_a_cache_that_others_can_write_is_not_used(home):
    ((path, _),), _ = resolve(home, home / "rules")
    Path(path).parent.chmod(0o777)
    ((path, name),), _ = resolve(home, home / "rules")
    assert name == "one"
    assert Path(path).is_relative_to(home / "tmp")
    assert not Path(path).exists()


def test_what_is_rejected_is_said(home):
    with (home / "rules" / "a.toml").open("a") as file:
        file.write(PACK.replace("hello", "x").replace("a = {", "a = 3 #{") % "bad")
    _, errors = resolve(home, home / "rules")
    assert "rules/a.toml:6: left out: rule bad" in errors


def test_a_missing_database_is_explained(tmp_path):
    from freehold.frontends.cli import databases

    with pytest.raises(UsageError, match="No such file"):
        databases.resolve([str(tmp_path / "missing")])


def test_the_core_pack_is_there():
    from freehold.frontends.cli import databases

    assert any(databases.CORE.glob("*.toml"))


def test_the_core_pack_compiles_without_a_rejection(tmp_path):
    from freehold.frontends.cli import databases

    assert build([databases.CORE], tmp_path / "core").rejected == ()
    Bundle.open(tmp_path / "core").verify()


def test_compiled_databases_hold_nothing_that_signatures_find(
    freehold: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    texts = [f"what only number {number} of these signatures looks for" for number in range(3)]
    (sources / "own.ndb").write_text(f"Test.Body:0:*:{texts[0].encode().hex()}\n")
    (sources / "own.ldb").write_text(f"Test.Logical;Engine:81-255,Target:0;0;{texts[1].encode().hex()}\n")
    (sources / "own.yar").write_text(f'rule Own {{ strings: $text = "{texts[2]}" condition: $text }}')
    (tmp_path / "sample").write_text(", ".join(texts))
    assert freehold("db", "build", sources, "-o", tmp_path / "own.fhdb").returncode == 0
    home = environment | {"XDG_CACHE_HOME": str(tmp_path / "home")}
    assert freehold("scan", tmp_path / "sample", env=home).returncode == 0  # compiles the core pack there
    assert list((tmp_path / "home").rglob("manifest.json"))
    for database in (["--database", tmp_path / "own.fhdb"], []):
        result = freehold("scan", "--all-matches", *database, tmp_path / "own.fhdb", tmp_path / "home", env=home)
        assert (result.returncode, result.stdout.count(b"INFECTED")) == (0, 0), result.stdout
    found = freehold("scan", "--all-matches", "--database", tmp_path / "own.fhdb", tmp_path / "sample").stdout
    assert [name for name in (b"Test.Body", b"Test.Logical", b"Own") if name not in found] == []


def test_another_right_of_a_feed_is_another_state(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a daemon loads its databases again."""
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    folder = home / "freehold" / "feeds" / "north"
    (folder / "generations" / "1-1").mkdir(parents=True)
    build([home / "rules"], folder / "generations" / "1-1" / "bundle")
    (folder / "bundle").symlink_to("generations/1-1/bundle")
    states = []
    for right in ("detect", "allow", "detect"):
        (folder / "follow.json").write_text(json.dumps({"may": right}))
        states.append(databases.state([]))
    assert states[0] == states[2] != states[1]
