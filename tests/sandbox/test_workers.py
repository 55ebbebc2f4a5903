"""Workers with content that attacks them: each attack costs one file, as root and as an ordinary user."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from freehold.model.errors import FreeholdError, TrustError
from freehold.model.limits import MIB, Limits
from freehold.model.report import Report
from freehold.model.view import View
from freehold.sandbox.host import reason
from freehold.sandbox.lockdown import Policy, lock_down
from freehold.sandbox.modes import Mode
from freehold.sandbox.seccomp import load_table
from freehold.service.entry import Entry
from freehold.service.pool import Pool

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def hang() -> None:
    while True:
        pass


def outgrow() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(16 * MIB))


def babble() -> None:
    """Write nonsense to wherever the host may be listening."""
    for fd in range(3, 40):
        try:
            os.write(fd, b'[1,{"nonsense":[]}]\n')
        except OSError:
            continue


def flood() -> None:
    """Write a line that does not end."""
    for fd in range(3, 40):
        try:
            while True:
                os.write(fd, b"x" * 60_000)
        except OSError:
            continue


ATTACKS: dict[bytes, Callable[[], object]] = {
    b"crash": lambda: ctypes.string_at(0),
    b"abort": os.abort,
    b"exit": lambda: os._exit(3),
    b"hang": hang,
    b"outgrow": outgrow,
    b"open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    b"fork": os.fork,
    b"babble": babble,
    b"flood": flood,
}
COSTS = {
    b"crash": ("crashed", "the worker crashed (SIGSEGV)"),
    b"abort": ("crashed", "the worker crashed (SIGABRT)"),
    b"exit": ("crashed", "the worker stopped with status 3"),
    b"hang": ("timeout", "not examined within 0.5 s"),
    b"outgrow": ("crashed", "the worker ran out of memory"),
    b"open": ("crashed", "the worker made a forbidden system call (SIGSYS)"),
    b"fork": ("crashed", "the worker made a forbidden system call (SIGSYS)"),
    b"babble": ("crashed", "the worker broke the protocol"),
    b"flood": ("crashed", "the worker broke the protocol"),
}


class Victim:
    """An engine that the content takes over."""

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        ATTACKS.get(view.read(0, 20), bytes)()
        return Report(view.size)


def load_victim(bundles: Sequence[Path]) -> Callable[[int], Victim]:
    return lambda spool: Victim()


def entries(contents: Sequence[bytes]) -> Iterator[Entry]:
    """Entries for contents in files that have no name."""
    for number, content in enumerate(contents):
        fd = os.memfd_create("content")
        os.write(fd, content)
        yield Entry(b"/somewhere/%d-%s" % (number, content[:8]), fd, len(content))


def scan(contents: Sequence[bytes], mode: Mode, **limits: float) -> list[tuple[str, int, list[list[str]]]]:
    with Pool([], Limits(**{"seconds": 20.0, **limits}), jobs=2, mode=mode, load=load_victim) as pool:  # type: ignore[arg-type]
        return [
            (os.fsdecode(f.path), f.report.size, [[p.kind.value, p.artifact, p.detail] for p in f.report.problems])
            for f in pool.scan(entries(contents))
        ]


def descriptors() -> set[Path]:
    return {path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.PROVE])
@pytest.mark.parametrize("attack", ATTACKS, ids=bytes.decode)
def test_an_attack_costs_one_file(as_person: Callable[[Callable[[], object]], Any], attack: bytes, mode: Mode) -> None:
    contents = [b"good %d" % number for number in range(30)]
    contents[10:10] = [attack]
    seconds = 0.5 if attack == b"hang" else 20.0
    results = as_person(lambda: scan(contents, mode, seconds=seconds, worker_memory=256 * MIB, unpacked_bytes=8 * MIB))
    assert len(results) == len(contents)
    problems = {path: problems for path, _, problems in results if problems}
    [[[kind, artifact, detail]]] = problems.values()
    assert list(problems) == ["/somewhere/10-" + attack.decode()[:8]]
    assert artifact == "10-" + attack.decode()[:8]
    expected_kind, expected_words = COSTS[attack]
    assert kind == expected_kind
    assert detail.startswith(expected_words)


@pytest.mark.parametrize("mode", list(Mode))
def test_many_attacks_among_many_files(mode: Mode) -> None:
    contents = [b"crash" if number % 7 == 0 else b"good %d" % number for number in range(200)]
    before = descriptors()
    results = scan(contents, mode)
    assert sorted(path for path, _, _ in results) == sorted(os.fsdecode(e.path) for e in _closed(entries(contents)))
    assert sum(bool(problems) for _, _, problems in results) == sum(content == b"crash" for content in contents)
    assert descriptors() == before


def _closed(entries: Iterator[Entry]) -> Iterator[Entry]:
    for entry in entries:
        assert entry.fd is not None
        os.close(entry.fd)
        yield entry


@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.PLAIN])
def test_a_worker_that_is_killed_from_outside_costs_one_file(mode: Mode) -> None:
    def killing() -> Iterator[Entry]:
        for number, entry in enumerate(entries([b"good"] * 300)):
            if number == 100:
                time.sleep(0.1)
                os.kill(grandchildren()[0], signal.SIGKILL)
            yield entry

    with Pool([], jobs=1, mode=mode, load=load_victim) as pool:
        reports = [finished.report for finished in pool.scan(killing())]
    assert len(reports) == 300
    problems = [problem.detail for report in reports for problem in report.problems]
    assert problems in ([], ["the worker was killed (SIGKILL), perhaps for lack of memory"])


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def grandchildren() -> list[int]:
    return [worker for zygote in zygotes() for worker in children(zygote)]


def zygotes() -> list[int]:
    """The children of this process that are none of a fixture that outlives its test."""
    return [child for child in children(os.getpid()) if child not in _FOREIGN]


_FOREIGN: set[int] = set()


@pytest.fixture(autouse=True)
def _foreign_processes() -> None:
    _FOREIGN.clear()
    _FOREIGN.update(children(os.getpid()))


@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.PLAIN])
def test_no_process_survives_a_scan_that_is_given_up(mode: Mode) -> None:
    before = descriptors(), children(os.getpid())
    pool = Pool([], jobs=3, mode=mode, load=load_victim)
    finished = pool.scan(entries([b"good"] * 20 + [b"hang"] * 20))
    assert next(finished).report.problems == []
    processes = [*zygotes(), *grandchildren()]
    assert len(processes) >= 2
    finished.close()
    pool.close()
    assert (descriptors(), children(os.getpid())) == before
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]


def test_one_file_starts_one_worker() -> None:
    with Pool([], jobs=8, load=load_victim) as pool:
        for _ in pool.scan(entries([b"good"])):
            assert len(grandchildren()) == 1


def test_a_worker_has_no_rights() -> None:
    with Pool([], jobs=1, load=load_victim) as pool:
        for _ in pool.scan(entries([b"good"])):
            [pid] = grandchildren()
            status = dict(
                line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
            )
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "1"
    assert status["CapEff"].strip("0") == status["CapPrm"].strip("0") == status["CapInh"].strip("0") == ""
    assert "seccomp" in pool.sandbox
    if os.geteuid() == 0:
        assert status["Uid"].split() == ["65534"] * 4
        assert status["CapBnd"].strip("0") == ""


def test_no_process_survives_a_host_that_is_killed() -> None:
    reading, writing = os.pipe()
    host = os.fork()
    if host == 0:
        try:
            pool = Pool([], jobs=2, load=load_victim)
            for _ in pool.scan(entries([b"good", b"good", b"hang", b"hang"])):
                pids = [*children(os.getpid()), *grandchildren()]
                os.write(writing, " ".join(map(str, pids)).encode() + b"\n")
        finally:
            os._exit(1)
    pids = {int(pid) for _ in range(2) for pid in _line(reading).split()}
    assert len(pids) >= 2
    os.kill(host, signal.SIGKILL)
    os.waitpid(host, 0)
    deadline = time.monotonic() + 20
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in pids if runs(pid)]
    os.close(reading)
    os.close(writing)


def _line(fd: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(fd, 1)
    return line


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_processor_time_is_bounded() -> None:
    pid = os.fork()
    if pid == 0:
        try:
            lock_down(
                Policy(memory=MIB, cpu_seconds=1, file_bytes=0, parent=os.getppid(), calls=load_table(), root=None)
            )
            hang()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert reason(os.waitstatus_to_exitcode(status)) == "used up its processor time (SIGXCPU)"


def test_a_damaged_bundle_is_refused_in_its_own_words() -> None:
    def load(bundles: Sequence[Path]) -> Callable[[int], Victim]:
        raise TrustError("the bundle is damaged: line 3 of 7")

    with Pool([], load=load) as pool, pytest.raises(TrustError, match=r"^the bundle is damaged: line 3 of 7$"):
        list(pool.scan(entries([b"good"])))


def test_an_engine_that_does_not_load_is_an_error_in_words() -> None:
    def load(bundles: Sequence[Path]) -> Callable[[int], Victim]:
        raise ZeroDivisionError("oops")

    with Pool([], load=load) as pool, pytest.raises(FreeholdError, match="ZeroDivisionError: oops"):
        list(pool.scan(entries([b"good"])))


def test_the_pool_serves_one_scan_after_the_other() -> None:
    with Pool([], jobs=2, load=load_victim) as pool:
        for count in (3, 0, 40):
            assert len(list(pool.scan(entries([b"good"] * count)))) == count
