"""Leaving the machine to others: idle priority, a share of the processors, pauses while others have to wait.

Priorities and the cgroup hold for this process and all that it starts, so they are taken before the workers exist.
A share of the processors is enforced by the kernel where there is a cgroup to be had; elsewhere by handing out no
further file while more has been used, which is exact over seconds but does not slow down a single large file.
"""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from freehold.service.pool import processors

CGROUPS = Path("/sys/fs/cgroup")

PRESSURES = {"cpu": 40.0, "io": 10.0, "memory": 5.0}
"""Percent of the last ten seconds in which some process waited, from which on a scan pauses (proc_pressure)."""

_LOOK_EVERY = 0.1
_LONGEST_PAUSE = 5.0
"""Seconds after which a file is handed out whatever the pressure is: a scan must end some day."""

_BURST = 0.25
"""Seconds of processor time that may be used at once."""

_PERIOD = 100_000
"""Of the processors' share in a cgroup, in microseconds."""

_SET_IO_PRIORITY = {"x86_64": 251, "aarch64": 30}
_IO_WHO_PROCESS, _IO_IDLE = 1, 3 << 13


class Manners:
    """How a scan behaves towards others.

    Args:
        percent: of all processors together, that it may use; None for no bound.
        idle: yield to everybody: idle priority for processors and disks, and pauses under pressure.
    """

    def __init__(self, percent: float | None, *, idle: bool) -> None:
        self._share = None if percent is None else percent / 100 * processors()
        self._idle = idle
        self._began = self._looked = self._paused_since = time.monotonic()
        self._waits = False
        self._limited_by_kernel = False
        self._used_before = _used()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Take priorities and a cgroup, and leave the cgroup in the end; enter this before the workers are started."""
        if self._idle:
            _become_idle()
        with _cgroup(self._share, idle=self._idle) as taken:
            self._limited_by_kernel = taken and self._share is not None
            self._began = time.monotonic()
            yield

    def must_wait(self) -> bool:
        """Whether no file should be handed out now."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return self._waits
        self._looked = now
        wanted = self._used_too_much(now) or (self._idle and _under_pressure())
        if wanted and not self._waits:
            self._paused_since = now
        if self._waits and self._idle and now - self._paused_since > _LONGEST_PAUSE and not self._used_too_much(now):
            wanted = False
        self._waits = wanted
        return wanted

    def _used_too_much(self, now: float) -> bool:
        if self._share is None or self._limited_by_kernel:
            return False
        return _used() - self._used_before > self._share * (now - self._began) + _BURST


def _become_idle() -> None:
    """Take the lowest priority; what the system does not have is left."""
    with contextlib.suppress(OSError):
        os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    number = _SET_IO_PRIORITY.get(os.uname().machine) if sys.platform == "linux" else None
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _IO_WHO_PROCESS, 0, _IO_IDLE)


def _under_pressure() -> bool:
    """Whether some process has waited for something scarce in too much of the last ten seconds."""
    for name, bound in PRESSURES.items():
        try:
            with open(f"/proc/pressure/{name}", "rb") as file:  # noqa: PTH123 - often
                first = file.readline().split()
            if float(first[1].partition(b"=")[2]) > bound:
                return True
        except (OSError, ValueError, IndexError):
            continue
    return False


def _used() -> float:
    """Return the seconds of processor time of this process and of all that it has started."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    pids = [os.getpid()]
    for pid in pids:
        children = _children(pid)
        pids += children
        total += sum(map(_used_by, children))
    return total


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:  # noqa: PTH123 - often
            return list(map(int, file.read().split()))
    except (OSError, ValueError):
        return []


def _used_by(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - often
            fields = file.read().rpartition(b")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


@contextlib.contextmanager
def _cgroup(share: float | None, *, idle: bool) -> Iterator[bool]:
    """Move this process into a cgroup of its own for a while; tells whether there was one to be had.

    Only with cgroup v2, and where this user may make one at the top: for others there is the priority.
    """
    group = CGROUPS / f"freehold-{os.getpid()}"
    try:
        before = _own_group()
        if before is None or "cpu" not in (CGROUPS / "cgroup.subtree_control").read_text().split():
            raise FileNotFoundError
        group.mkdir()
        try:
            if share is not None:
                (group / "cpu.max").write_text(f"{max(int(share * _PERIOD), 1000)} {_PERIOD}")
            if idle:
                (group / "cpu.weight").write_text("1")
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            group.rmdir()
            raise
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            (before / "cgroup.procs").write_text(str(os.getpid()))
            group.rmdir()


def _own_group() -> Path | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":
            return CGROUPS / path.lstrip("/")
    return None
