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
    """One measured run: seconds of wall and CPU time, peak PSS of all processes in bytes, and the exit status."""

    wall: float
    cpu: float
    pss: int
    status: int


def run(command: list[str], *, memory: bool = False, core: int | None = None) -> Run:
    """Run a command to its end; ``core`` pins it and its children to one processor."""
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        sampler = _Sampler(process.pid) if memory else None
        status = process.wait()
        wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, sampler.stop() if sampler else 0, status)


def median(runs: list[Run], by: str = "wall") -> Run:
    """Return the run whose wall time (or what ``by`` says) is the median."""
    middle = statistics.median_low([getattr(r, by) for r in runs])
    return next(r for r in runs if getattr(r, by) == middle)


class _Sampler:
    """Adds up the proportional set size of a process and all its descendants, some fifty times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self._peak = max(self._peak, sum(_pss(pid) for pid in _tree(self._pid)))


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
