"""``--passwords``: a list of the user's, in the sandbox as elsewhere."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.frontends.conftest import Run

MARKER = b"what is locked away"

pytestmark = pytest.mark.skipif(shutil.which("7z") is None, reason="needs 7z (p7zip-full)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passwords")
    (folder / "rules.ndb").write_text(f"Own.Locked:0:*:{MARKER.hex()}\n")
    (folder / "list").write_bytes(b"wrong\r\n\r\ns3cret\r\nother\r\n")
    (folder / "member").write_bytes(b"\0\0\1\0" + MARKER)
    (folder / "files").mkdir()
    for options in (("-tzip",), ("-tzip", "-mem=AES256"), (), ("-mhe=on",)):
        name = folder / "files" / f"{len(list((folder / 'files').iterdir()))}.archive"
        command = ["7z", "a", "-ps3cret", *(options or ("-t7z",)), str(name), "member"]
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return folder


def verdicts(run: "subprocess.CompletedProcess[bytes]") -> set[str]:
    return {json.loads(line)["verdict"] for line in run.stdout.splitlines()}


@pytest.mark.parametrize("mode", [(), ("--prove",), ("--unsafe-no-sandbox",)])
def test_a_list_opens_archives(mode: tuple[str, ...], freehold: Run, folder: Path) -> None:
    scan = ("scan", *mode, "--format", "jsonl", "--database", folder / "rules.ndb", folder / "files")
    assert verdicts(freehold(*scan, "--passwords", folder / "list")) == {"infected"}
    assert verdicts(freehold(*scan)) == {"incomplete"}


def test_other_commands_take_it(freehold: Run, folder: Path, tmp_path: Path) -> None:
    archive = folder / "files" / "0.archive"
    passwords = ("--passwords", folder / "list")
    explained = freehold("explain", *passwords, "--database", folder / "rules.ndb", archive)
    assert b"Own.Locked" in explained.stdout
    unpacked = freehold("unpack", *passwords, archive, "-o", tmp_path / "out")
    assert unpacked.returncode == 0
    assert any(path.read_bytes().endswith(MARKER) for path in (tmp_path / "out").rglob("member*") if path.is_file())


@pytest.mark.parametrize("content", [None, b"x" * 200, b"word\n" * 300_000])
def test_a_bad_list_is_refused(content: bytes | None, freehold: Run, folder: Path, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    run = freehold("scan", "--passwords", tmp_path / "list", folder / "files")
    assert run.returncode == 3
    assert b"list" in run.stderr
    assert b"Traceback" not in run.stderr
