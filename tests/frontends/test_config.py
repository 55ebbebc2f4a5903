"""The configuration: what counts, where it comes from, and what is refused."""

import json
import os
from pathlib import Path

import pytest
from tests.frontends.conftest import Run


@pytest.fixture
def configured(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    (tmp_path / "home/freehold").mkdir(parents=True)
    return environment | {"XDG_CONFIG_HOME": str(tmp_path / "home")}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_value_is_the_default_of_an_option(freehold: Run, eicar: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/evil.com").write_bytes(eicar)
    config = write(tmp_path / "c.toml", '[scan]\nformat = "jsonl"\nexclude = ["*.com"]\nmax-depth = 3\n')
    done = freehold("scan", "--config", config, tmp_path / "in")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert b"0 files" in freehold("scan", "--config", config, "--format", "text", tmp_path / "in").stdout
    assert freehold("scan", tmp_path / "in").returncode == 1


def test_what_is_true_can_be_undone(freehold: Run, tmp_path: Path) -> None:
    config = write(tmp_path / "c.toml", "[scan]\nquiet = true\n")
    assert freehold("scan", "--config", config, config).stdout == b""
    assert b"1 file" in freehold("scan", "--config", config, "--no-quiet", config).stdout
    assert b"unrecognized arguments: --no-quiet" in freehold("scan", "--no-quiet", config).stderr


def test_the_users_file_counts_and_later_files_win(freehold: Run, tmp_path: Path, configured: dict[str, str]) -> None:
    own = write(tmp_path / "home/freehold/freehold.toml", '[scan]\n\nformat = "jsonl"\nmax-ratio = 10\n')
    other = write(tmp_path / "other.toml", '[scan]\nformat = "sarif"\n\n[db.build]\nstrict = true\n')
    done = freehold("config", "show", "--format", "json", "--config", other, env=configured)
    rows = {(row["table"], row["key"]): (row["value"], row["origin"]) for row in json.loads(done.stdout)}
    assert rows == {
        ("scan", "format"): ("sarif", f"{other}:2"),
        ("scan", "max-ratio"): (10, f"{own}:4"),
        ("db.build", "strict"): (True, f"{other}:5"),
    }
    assert freehold("scan", own, env=configured).stdout.startswith(b'{"path"')


def test_show_all_has_every_setting(freehold: Run) -> None:
    text = freehold("config", "show", "--all").stdout.decode()
    assert "[scan]" in text
    assert "[db.build]" in text
    assert "unsafe-no-sandbox" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[scan]\nmax-sizes = "4G"\n', ":2: unknown key 'max-sizes' in [scan]; did you mean 'max-size'?"),
        ("[scan]\n\njobs = 0\n", ":3: jobs: '0' is not a number from 1 to 256"),
        ('[scan]\nformat = "pdf"\n', ":2: format: 'pdf' is not one of text, jsonl, sarif, html"),
        ("[scan]\nquiet = 1\n", ":2: quiet: takes true or false"),
        ("[scan]\nmax-size = []\n", ":2: max-size: takes text or a number"),
        ("[scan]\nunsafe-no-sandbox = true\n", ":2: unknown key 'unsafe-no-sandbox' in [scan]"),
        ("[scna]\na = 1\n", ":2: there is no command 'scna' to configure"),
        ("[db.biuld]\nstrict = true\n", ":2: there is no table [db.biuld]; did you mean 'db.build'?"),
        ("format = 1\n", ": 'format' stands outside of a table; a line like [scan] belongs above it"),
        ("[scan\n", ": Expected ']' at the end of a table declaration (at line 1, column 6)"),
        ("[scan]\nquiet = true\nquiet = false\n", ": Cannot overwrite a value (at line 3, column 14)"),
    ],
)
def test_faults_are_named_with_their_place(freehold: Run, tmp_path: Path, text: str, said: str) -> None:
    config = write(tmp_path / "c.toml", text)
    done = freehold("config", "check", config)
    assert done.returncode == 3
    assert f"{config}{said}\n" in done.stderr.decode()


def test_all_faults_are_named_at_once_and_stop_the_command(freehold: Run, tmp_path: Path) -> None:
    config = write(tmp_path / "c.toml", '[scan]\nmax-size = "x"\nnope = 1\n')
    done = freehold("scan", "--config", config, config)
    assert (done.returncode, done.stdout) == (3, b"")
    assert f"{config}:2: max-size: 'x' is not a size" in done.stderr.decode()
    assert f"{config}:3: unknown key 'nope'" in done.stderr.decode()


def test_a_file_that_others_may_write_is_not_followed(freehold: Run, tmp_path: Path) -> None:
    config = write(tmp_path / "c.toml", "[scan]\nquiet = true\n")
    config.chmod(0o646)
    assert b"others may write it" in freehold("scan", "--config", config, config).stderr


@pytest.mark.parametrize("content", [b"\xff", b"#" * (1 << 20) + b"\n"])
def test_what_is_no_configuration_is_refused(freehold: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.toml").write_bytes(content)
    assert freehold("config", "check", tmp_path / "c.toml").returncode == 3
    assert freehold("config", "check", tmp_path).returncode == 3
    assert freehold("config", "check", tmp_path / "none").returncode == 3
    os.mkfifo(tmp_path / "pipe")
    assert freehold("config", "check", tmp_path / "pipe").returncode == 3


def test_what_is_right_is_said_to_be(freehold: Run, tmp_path: Path) -> None:
    config = write(tmp_path / "c.toml", '[scan]\nexclude = ["*.iso"]\nmax-size = "4G"\n\n[db.build]\nstrict = false\n')
    done = freehold("config", "check", config)
    assert (done.returncode, done.stdout) == (0, b"1 file, 3 values: no fault\n")
