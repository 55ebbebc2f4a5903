"""Where a quick scan looks, and what it leaves out when asked to."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.service import quick
from freehold.service.packages.known import Packages


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    program = tmp_path / "a program"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        yield program, process
        process.kill()


def test_finds_the_programs_that_run(sleeper: tuple[Path, subprocess.Popen[bytes]]) -> None:
    found = list(quick.running())
    assert os.fsencode(sleeper[0]) in found
    assert len(found) == len(set(found))
    assert any(path.rpartition(b"/")[2].startswith(b"libc") for path in found)  # what it has mapped, too


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="looking at a deleted mapping needs root")
def test_finds_programs_that_were_deleted(sleeper: tuple[Path, subprocess.Popen[bytes]]) -> None:
    program, process = sleeper
    content = program.read_bytes()
    program.unlink()
    own = [path for path in quick.running() if path.startswith(b"/proc/%d/" % process.pid)]
    assert content in [Path(os.fsdecode(path)).read_bytes() for path in own]


def test_knows_where_things_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "authorized_keys").write_text("")
    (tmp_path / ".bashrc").write_text("")
    monkeypatch.setattr(quick, "_homes", lambda: [str(tmp_path)])
    table = tmp_path / "places.tsv"  # without /tmp, in which this home lies
    lines = quick._PLACES.read_text().splitlines()
    table.write_text("\n".join(line for line in lines if line.split("\t")[0] != "/tmp"))  # noqa: S108
    monkeypatch.setattr(quick, "_PLACES", table)
    found = quick.places()
    assert {os.fsencode(tmp_path / ".bashrc"), os.fsencode(tmp_path / ".ssh")} <= set(found)
    assert b"/var/tmp" in found
    assert all(os.path.lexists(path) for path in found)
    assert not any(path.startswith(other + b"/") for path in found for other in found)


def descriptor(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


def verify(packages: Packages, path: Path) -> bool:
    fd = descriptor(path)
    try:
        return packages.verify(os.fsencode(path), fd)
    finally:
        os.close(fd)


def test_verifies_what_a_package_brought_and_nothing_else(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "good").write_text("as it was")
    (tmp_path / "changed").write_text("as it is now")
    (tmp_path / "unknown").write_text("as it was")
    value = hashlib.md5(b"as it was").hexdigest()  # noqa: S324
    where = str(tmp_path).lstrip("/")
    (info / "some.md5sums").write_text(f"{value}  {where}/good\n{value}  {where}/changed\ngarbage\n")
    packages = Packages(tmp_path)
    assert [verify(packages, tmp_path / name) for name in ("good", "changed", "unknown")] == [True, False, False]
    assert not Packages(tmp_path / "nowhere")


@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg")
def test_agrees_with_dpkg() -> None:
    files = subprocess.run(["dpkg", "-L", "coreutils"], capture_output=True, check=True).stdout.splitlines()
    modified = subprocess.run(["dpkg", "--verify", "coreutils"], capture_output=True, check=False).stdout
    packages = Packages()
    ordinary = [Path(os.fsdecode(path)) for path in files]
    verified = [path for path in ordinary if path.is_file() and not path.is_symlink() and verify(packages, path)]
    assert len(verified) > 50
    assert not any(os.fsencode(path) in modified for path in verified)
