"""What --database names is compiled once, and again when anything about it changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.bundle import Bundle
from freehold.model.errors import UsageError
from freehold.signatures.compile import build

PACK = '[[rule]]\nname = "%s"\ncondition = "a"\n[rule.patterns]\na = { text = "hello" }\n'

RESOLVE = """
import sys
from freehold.frontends.cli import databases
from freehold.bundle import Bundle
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
