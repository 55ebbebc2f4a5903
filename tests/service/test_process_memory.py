"""The memory of real processes: what is in it comes out, and the processes do not notice."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND

from freehold.model.report import ProblemKind
from freehold.service import process_memory
from freehold.service.entry import Entry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")

HIDDEN = "a pattern that is nowhere but in the memory of a process of these tests"
MIRRORED = HIDDEN[::-1]  # so that it is not in the interpreter's copy of the source either

_VICTIM = f"""
import ctypes, mmap, os, sys
hidden = {MIRRORED!r}[::-1].encode()
private = bytearray(40 << 20)
for page in range(0, len(private), 4096):
    private[page] = page >> 12 & 255
piece = {process_memory.PIECE}
private[piece - 30 : piece - 30 + len(hidden)] = hidden
shared = mmap.mmap(-1, 1 << 30)
shared[700 << 20 : (700 << 20) + len(hidden)] = hidden
file = os.memfd_create("a file without a name")
os.truncate(file, 1 << 30)
unnamed = mmap.mmap(file, 1 << 30)
unnamed[5 << 20 : (5 << 20) + len(hidden)] = hidden
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def victim() -> Iterator[int]:
    command = [sys.executable, "-c", _VICTIM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            pytest.skip("no process to look at")
        yield process.pid
        process.kill()


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def contents(found: Iterator[Entry]) -> Iterator[tuple[bytes, bytes]]:
    for entry in found:
        assert entry.fd is not None, entry.problem
        assert entry.size <= process_memory.PIECE + process_memory.OVERLAP
        yield entry.path, os.pread(entry.fd, entry.size, 0)
        os.close(entry.fd)


@pytest.mark.parametrize("words", [False, True])
def test_finds_what_is_in_memory_and_makes_no_page(victim: int, words: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if words:  # as on kernels before 6.7
        monkeypatch.setattr(process_memory, "_SCAN", 0)
    before = resident(victim)
    pieces = list(contents(process_memory.entries([victim], named=True)))
    assert resident(victim) - before < 4_000
    holding = [path for path, content in pieces if HIDDEN.encode() in content]
    assert any(b"anonymous memory" in path for path in holding)  # across the end of a piece
    assert any(b"/dev/zero (deleted)" in path for path in holding)
    assert any(b"/memfd:a file without a name" in path for path in holding)
    assert sum(len(content) for _, content in pieces) < 200 << 20


def test_clean_pages_of_files_are_left_out(victim: int) -> None:
    library = next(region for region in process_memory._regions(victim) if region.has_file and b"x" in region.rights)
    labels = [path for path, _ in contents(process_memory.entries([victim], named=True))]
    assert not any(b"%x-" % library.start in label for label in labels)


def test_code_that_no_file_explains_comes_first() -> None:
    anonymous = process_memory.Region(0, 1, b"rwxp", b"")
    deleted = process_memory.Region(0, 1, b"r-xp", b"/tmp/x (deleted)")
    library = process_memory.Region(0, 1, b"r-xp", b"/usr/lib/x.so")
    assert (anonymous.is_code, deleted.is_code, library.is_code) == (True, True, False)


def test_what_cannot_be_read_is_a_problem_only_if_it_was_named() -> None:
    nobody = 1 << 30
    (entry,) = process_memory.entries([nobody], named=True)
    assert entry.problem is not None
    assert entry.problem.kind is ProblemKind.UNREADABLE
    assert list(process_memory.entries([nobody], named=False)) == []


def test_does_not_look_at_itself(victim: int) -> None:
    found = process_memory.processes()
    assert os.getpid() not in found
    assert victim not in found  # a child of this process
    assert os.getppid() in found


def test_reports_regions(victim: int, tmp_path: Path) -> None:
    database = tmp_path / "hidden.ndb"
    database.write_text(f"Test.Hidden:0:*:{HIDDEN.encode().hex()}\n")
    command = [COMMAND, "scan", "--format", "jsonl", "--database", database, "--memory", str(victim)]
    result = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (1, b"")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    hits = [report["path"] for report in found if report["detections"]]
    assert len(hits) >= 3
    assert all(path.startswith(f"process {victim} (") for path in hits)


@pytest.mark.parametrize("pid", ["0", "x", "-1", "99999999999"])
def test_refuses_what_is_no_process(pid: str) -> None:
    result = subprocess.run([COMMAND, "scan", "--memory", pid], capture_output=True, timeout=60, check=False)
    assert result.returncode == 3
    assert b"error: " in result.stderr
