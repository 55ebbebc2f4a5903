"""How a scan yields to others."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND

from freehold.service import manners
from freehold.service.manners import Manners

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_waits_when_more_than_the_share_was_used() -> None:
    modest = Manners(1, idle=False)
    generous = Manners(100, idle=False)
    burn(0.5)
    assert modest.must_wait()
    assert not generous.must_wait()


def test_counts_what_its_children_use() -> None:
    modest = Manners(1, idle=False)
    code = "import sys, time\nwhile time.process_time() < 0.6: pass\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert modest.must_wait()  # it is still alive, so the system has not counted it yet
        child.kill()


def test_pauses_end_whatever_the_pressure_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "PRESSURES", {"cpu": -1.0})
    monkeypatch.setattr(manners, "_LONGEST_PAUSE", 0.3)
    polite = Manners(None, idle=True)
    time.sleep(0.15)
    if not Path("/proc/pressure/cpu").exists():
        pytest.skip("this kernel does not measure pressure")
    assert polite.must_wait()
    time.sleep(0.4)
    assert not polite.must_wait()


@pytest.fixture
def scanning(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    command = [COMMAND, "scan", "--no-cache", "--io-idle", "--cpu-limit", "20", "/usr/share/doc"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        yield process
        process.kill()


def below(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [deeper for child in found for deeper in below(child)]


@pytest.mark.skipif(not shutil.which("ionice"), reason="no ionice")
def test_workers_have_the_lowest_priority(scanning: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while len(below(scanning.pid)) < 2:
        assert scanning.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for pid in (scanning.pid, *below(scanning.pid)):
        assert os.sched_getscheduler(pid) == os.SCHED_IDLE
        assert subprocess.run(["ionice", "-p", str(pid)], capture_output=True, check=True).stdout == b"idle\n"


def test_takes_a_cgroup_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a folder: what the kernel makes of these files is its own affair."""
    (tmp_path / "cgroup.subtree_control").write_text("cpu io memory\n")
    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(manners, "CGROUPS", tmp_path)
    monkeypatch.setattr(manners, "_own_group", lambda: tmp_path / "mine")
    group = tmp_path / f"freehold-{os.getpid()}"
    with manners._cgroup(0.5, idle=True) as taken:
        assert taken
        assert (group / "cpu.max").read_text() == "50000 100000"
        assert (group / "cpu.weight").read_text() == "1"
        assert (group / "cgroup.procs").read_text() == str(os.getpid())
    assert (tmp_path / "mine" / "cgroup.procs").read_text() == str(os.getpid())


def test_does_without_a_cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "CGROUPS", tmp_path)
    with manners._cgroup(0.5, idle=True) as taken:
        assert not taken


@pytest.mark.parametrize("share", ["0", "101", "x", "-5"])
def test_refuses_what_is_no_share(share: str) -> None:
    result = subprocess.run(
        [COMMAND, "scan", "--cpu-limit", share, "/etc/hostname"], capture_output=True, timeout=60, check=False
    )
    assert result.returncode == 3
    assert b"percentage" in result.stderr or b"expected one argument" in result.stderr
