"""Run a command and measure it: wall time, CPU time of it and its children, and memory of the whole process tree."""

import resource
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run: seconds of wall and CPU time, memory in bytes, and the exit status.

    Attributes:
        pss: the peak of all processes together.
        largest: the peak of the largest one.
        output: what was printed, where it was asked for.
    """

    wall: float
    cpu: float
    pss: int
    status: int
    largest: int = 0
    output: str = ""


def run(command: list[str], *, memory: bool = False, core: int | None = None, output: bool = False) -> Run:
    """Run a command to its end; ``core`` pins it and its children to one processor, ``output`` keeps what it prints."""
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    stdout = subprocess.PIPE if output else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL) as process:
        sampler = _Sampler(process.pid) if memory else None
        printed = process.communicate()[0] or b""
        status = process.returncode
        wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pss, largest = sampler.stop() if sampler else (0, 0)
    return Run(wall, cpu, pss, status, largest, printed.decode(errors="replace"))


def median(runs: list[Run], by: str = "wall") -> Run:
    """Return the run whose wall time (or what ``by`` says) is the median."""
    middle = statistics.median_low([getattr(r, by) for r in runs])
    return next(r for r in runs if getattr(r, by) == middle)


class _Sampler:
    """Adds up the proportional set size of a process and all its descendants, some fifty times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._largest = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> tuple[int, int]:
        self._done.set()
        self._thread.join()
        return self._peak, self._largest

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            sizes = [_pss(pid) for pid in _tree(self._pid)]
            self._peak = max(self._peak, sum(sizes))
            self._largest = max(self._largest, *sizes)


def _tree(root: int) -> list[int]:
    pids = [root]
    for pid in pids:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return pids


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
