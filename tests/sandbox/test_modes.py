"""Kernels and systems that have less to offer, and the mode that can be seen to use no network."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freehold.model.errors import TrustError
from freehold.model.limits import Limits
from freehold.sandbox.examination import load_engine
from freehold.sandbox.host import Answered, Ready
from freehold.sandbox.modes import Mode, open_workers
from freehold.sandbox.plain import Subprocesses
from freehold.sandbox.wire import Job, Setup
from freehold.service.entry import Entry
from freehold.service.pool import Pool
from freehold.signatures.compile import build

# Makes Landlock's system calls fail as on a kernel that was built without it: BPF, then ENOSYS for 444 to 446.
WITHOUT_LANDLOCK = """
import ctypes, struct
op = lambda code, value, yes=0, no=0: struct.pack("=HBBI", code, yes, no, value)
code = op(0x20, 0) + op(0x35, 444, 0, 2) + op(0x25, 446, 1, 0) + op(0x06, 0x50000 | 38) + op(0x06, 0x7FFF0000)
buffer = ctypes.create_string_buffer(code, len(code))
prctl = ctypes.CDLL(None).prctl
prctl(38, 1, 0, 0, 0)
assert prctl(22, 2, struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))) == 0
"""
SCAN = "from freehold.frontends.cli import main; import sys; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    source = tmp_path / "test.hdb"
    source.write_text("5d41402abc4b2a76b9719d911017c592:5:Test.Hello\n")
    build([source], tmp_path / "bundle")
    return tmp_path / "bundle"


def freehold(
    *arguments: str | Path, before: str = "", prefix: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    command = [*prefix, sys.executable, "-c", before + SCAN, *map(os.fspath, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_without_landlock_it_refuses_and_says_what_to_do(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    arguments = ("scan", "--database", bundle, tmp_path / "file")
    refused = freehold(*arguments, before=WITHOUT_LANDLOCK)
    assert refused.returncode == 3
    assert "no sandbox on this kernel: Landlock is missing" in refused.stderr
    assert "--unsafe-no-sandbox" in refused.stderr
    assert "Traceback" not in refused.stderr
    insisted = freehold(*arguments, "--unsafe-no-sandbox", before=WITHOUT_LANDLOCK)
    assert insisted.returncode == 1
    assert "Test.Hello" in insisted.stdout
    assert "not sandboxed" in insisted.stdout + insisted.stderr


def test_the_provable_mode_makes_no_call_of_the_networks(bundle: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}").write_text("hello" if number == 50 else f"harmless {number}")
    trace = tmp_path / "trace"
    strace = ("strace", "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", os.fspath(trace))
    proven = freehold("scan", "--prove", "--database", bundle, folder, prefix=strace)
    assert proven.returncode == 1, proven.stderr
    assert "Test.Hello" in proven.stdout
    assert trace.read_text() == ""
    # The ordinary mode passes descriptors over sockets, so this trace would have shown something.
    freehold("scan", "--database", bundle, folder, prefix=strace)
    assert "socketpair(AF_UNIX" in trace.read_text()
    assert "AF_INET" not in trace.read_text()


def test_plain_processes_for_systems_without_a_sandbox(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    path.write_text("hello")
    workers = Subprocesses(Setup((bundle,), Limits()))
    try:
        worker = workers.start()
        for number, name in enumerate([os.fsencode(path), b"/nowhere"]):
            worker.submit(Job(number, -1, 5, "name", name))
        events = []
        while len(events) < 3:
            events += workers.wait(30)
    finally:
        workers.close()
    ready, found, missing = events
    assert isinstance(ready, Ready)
    assert ready.sandbox.startswith("not sandboxed")
    assert isinstance(found, Answered)
    assert [d.name for d in found.report.detections] == ["Test.Hello"]
    assert isinstance(missing, Answered)
    assert [p.detail for p in missing.report.problems] == ["No such file or directory"]


def test_a_plain_process_refuses_a_damaged_bundle(tmp_path: Path) -> None:
    workers = Subprocesses(Setup((tmp_path / "nothing",), Limits()))
    workers.start()
    try:
        with pytest.raises(TrustError):
            workers.wait(30)
    finally:
        workers.close()


def test_the_zygote_refuses_a_damaged_bundle(bundle: Path) -> None:
    manifest = next(path for path in bundle.iterdir() if path.is_file())
    manifest.write_bytes(manifest.read_bytes()[:-10])
    workers = open_workers(Mode.SANDBOX, Setup((bundle,), Limits()), 1)
    try:
        with pytest.raises(TrustError, match=r"\w+ \w+"):
            workers.wait(30)
    finally:
        workers.close()


def test_the_real_engine_works_in_every_mode(as_person: Callable[[Callable[[], object]], Any], bundle: Path) -> None:
    def scan() -> object:
        names = []
        for mode in Mode:
            fd = os.memfd_create("content")
            os.write(fd, b"hello")
            with Pool([bundle], jobs=1, mode=mode) as pool:
                names += [d.name for f in pool.scan([Entry(b"/x/hello", fd, 5)]) for d in f.report.detections]
        return names

    load_engine([bundle])  # an interpreter in root's home is out of reach for others
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bundle = shutil.copytree(bundle, Path(folder) / "bundle")
        for path in (bundle, *bundle.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        assert as_person(scan) == ["Test.Hello"] * 3
