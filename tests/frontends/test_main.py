"""The command line around the commands: help, versions, mistakes, faults."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND, Run

from freehold import __version__
from freehold.frontends.cli import COMMANDS, main


def test_help_names_every_command(freehold: Run) -> None:
    for arguments in ([], ["--help"], ["help"]):
        result = freehold(*arguments)
        assert result.returncode == 0
        assert all(f"\n  {name} " in result.stdout.decode() for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(freehold: Run, name: str) -> None:
    result = freehold(name, "--help")
    assert (result.returncode, result.stderr) == (0, b"")
    assert f"usage: freehold {name}".encode() in result.stdout
    assert f"  freehold {name}".encode() in result.stdout.partition(b"example")[2]


def test_every_action_has_examples(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = 0
    left = [(name,) for name in COMMANDS]
    while left:
        words = left.pop()
        assert main([*words, "--help"]) == 0
        text = capsys.readouterr().out
        assert f"  freehold {' '.join(words)}" in text.partition("example")[2], words
        left += [(*words, name) for name in re.findall(r"^    ([a-z]+)(?:  |$)", text, re.MULTILINE)]
        shown += 1
    assert shown > 2 * len(COMMANDS)


def test_version(freehold: Run) -> None:
    assert freehold("--version").stdout.decode() == f"freehold {__version__}\n"


def test_an_unknown_command_gets_a_suggestion(freehold: Run, tmp_path: Path) -> None:
    assert b"Did you mean 'scan'?" in freehold("scann").stderr
    assert f"freehold scan {tmp_path}".encode() in freehold(tmp_path).stderr
    assert b"\x1b" not in freehold("\x1b[2J").stderr
    assert b"\x1b" not in freehold("explain", "\x1b[2J").stderr
    assert freehold("nonsense").returncode == 3


def test_an_unknown_option_is_misuse_not_incompleteness(freehold: Run) -> None:
    result = freehold("scan", "--nonsense", ".")
    assert result.returncode == 3
    assert result.stderr.startswith(b"freehold: error: unrecognized arguments: --nonsense\n")


def test_an_unexpected_fault_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> object:
        raise KeyError("broken")

    monkeypatch.setattr("freehold.frontends.cli.scan.run", fail)
    monkeypatch.delenv("FREEHOLD_DEBUG", raising=False)
    assert main(["scan", "."]) == 4
    assert capsys.readouterr().err.startswith("freehold: internal error: KeyError: 'broken'\n")
    monkeypatch.setenv("FREEHOLD_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["scan", "."])


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(freehold: Run, shell: str) -> None:
    script = freehold("completion", shell).stdout.decode()
    assert "freehold" in script
    assert "unsafe-no-sandbox" in script


def test_bash_completes_with_the_script(freehold: Run, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_bytes(freehold("completion", "bash").stdout)
    asked = f"source {script}; COMP_WORDS=(freehold sca); COMP_CWORD=1; _shtab_freehold; echo ${{COMPREPLY[@]}}"
    result = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, env=os.environ, check=True)
    assert result.stdout.split() == ["scan"]


def test_the_command_needs_no_writable_home(tmp_path: Path) -> None:
    (tmp_path / "clean").write_text("x")
    environment = os.environ | {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
    result = subprocess.run([COMMAND, "scan", tmp_path], capture_output=True, env=environment, check=False, timeout=120)
    assert result.returncode == 0
