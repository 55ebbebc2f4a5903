"""The programs that docs/integrations shows, driven as browsers would."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import MARKER, Running

PROGRAMS = Path(__file__).parents[3] / "docs/integrations"


class Form:
    """A running program.

    Attributes:
        kept: folder with what it has kept.
        url: of its page.
        by_form: whether it takes forms.
    """

    def __init__(self, kept: Path, url: str, *, by_form: bool) -> None:
        self.kept = kept
        self.url = url
        self.by_form = by_form

    def send(self, path: Path) -> tuple[str, str]:
        """The status and the words that a browser gets for a file."""
        how = ["-F", f"file=@{path}"] if self.by_form else ["-T", path]
        command = ["curl", "-s", "--noproxy", "*", "-w", "\n%{http_code}", *how, self.url]
        said, _, status = subprocess.run(command, capture_output=True, check=True, text=True).stdout.rpartition("\n")
        return status, said.strip()


@pytest.fixture(params=["upload_form.py", "upload_form.mjs"])
def form(request: pytest.FixtureRequest, daemon: Running, tmp_path: Path) -> Iterator[Form]:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    is_python = request.param.endswith(".py")
    interpreter = sys.executable if is_python else shutil.which("node")
    if not interpreter:
        pytest.skip("Node is not installed")
    environment = os.environ | {"FREEHOLD_SOCKET": os.fspath(daemon.path), "UPLOADS": os.fspath(tmp_path / "kept")}
    command = [interpreter, PROGRAMS / request.param, "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        assert program.stdout
        yield Form(tmp_path / "kept", program.stdout.readline().strip(), by_form=is_python)
        program.terminate()


def test_only_what_is_clean_is_kept(form: Form, tmp_path: Path, encrypted: bytes) -> None:
    page = subprocess.run(["curl", "-s", "--noproxy", "*", form.url], capture_output=True, check=True).stdout
    assert b'<input type="file"' in page
    large = os.urandom(3_000_000)
    contents = {"clean": b"clean", "large": large, "infected": MARKER, "encrypted": encrypted}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in ("clean", "large"):
        status, words = form.send(tmp_path / name)
        assert status == "201", words
        assert (form.kept / words.split()[-1]).read_bytes() == contents[name]
    assert form.send(tmp_path / "infected") == ("422", "The file was refused: Test.One FOUND")
    status, words = form.send(tmp_path / "encrypted")
    assert (status, words[:50]) == ("422", "The file could not be examined: Not fully examined")
    assert len(list(form.kept.iterdir())) == 2


def test_without_the_daemon_nothing_is_kept(form: Form, daemon: Running, tmp_path: Path) -> None:
    (tmp_path / "clean").write_bytes(b"clean")
    away = daemon.path.with_name("away")
    daemon.path.rename(away)
    try:
        status, words = form.send(tmp_path / "clean")
    finally:
        away.rename(daemon.path)
    assert status == "503", words
    assert not form.kept.exists() or not list(form.kept.iterdir())
