"""The process that has programs run: it loads the emulated processor, and forks a confined process for each program.

It reads no hostile byte itself. A process that runs a program is confined as a worker is, but for one thing: it may
turn memory into machine code, which is how the processor works. It lives for one program, has nothing but that program
and room for the answer, and ends after some seconds whatever happens.
"""

import math
import os
import select
import signal
from contextlib import suppress
from typing import Any

from freehold.emulation.cpu import Cpu
from freehold.emulation.unpack import unpack
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind
from freehold.sandbox import worker
from freehold.sandbox.emulated import HEADER, MOST_REGIONS
from freehold.sandbox.host import reason
from freehold.sandbox.lockdown import Policy, lock_down
from freehold.sandbox.wire import PIECE, Lines, decode, encode, write_all

MISSING = "install freehold[emulation] to have it run and unpacked"
_GRACE = 2
_RUNS = 2
_ABORTED = {-signal.SIGALRM, -signal.SIGXCPU}


def serve(commands: int, events: int, policy: Policy, limits: Limits) -> None:
    """Have programs run as the zygote asks, several at once, until it hangs up."""
    emulator = _Emulator(events, policy, limits)
    woken = _wake_on_child()
    poll = select.poll()
    poll.register(commands, select.POLLIN)
    poll.register(woken, select.POLLIN)
    lines = Lines(PIECE)
    while True:
        for fd, _ in poll.poll():
            if fd == woken:
                os.read(woken, PIECE)
                emulator.bury()
                continue
            piece = os.read(commands, PIECE)
            if not piece:
                return
            for identity, number, size, wide in map(decode, lines.feed(piece)):
                emulator.start(identity, number, size, wide=wide)


class _Emulator:
    def __init__(self, events: int, policy: Policy, limits: Limits) -> None:
        self._events = events
        self._limits = limits
        self._policy = policy._replace(parent=os.getpid())
        self._processors: dict[bool, Cpu] = {}
        self._running: dict[int, int] = {}

    def start(self, identity: int, number: int, size: int, *, wide: bool) -> None:
        """Fork a process that runs the program in the zygote's descriptor ``number``."""
        try:
            cpu = self._processor(wide=wide)
        except ImportError:
            self._say(identity, ProblemKind.UNSUPPORTED, MISSING)
            return
        try:
            file = os.open(f"/proc/{os.getppid()}/fd/{number}", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            self._say(identity, ProblemKind.CRASHED, f"the emulator got no file: {error.strerror}")
            return
        pid = os.fork()
        if pid == 0:
            worker.live(lambda: _live(file, size, cpu, self._policy, self._limits, wide=wide))
        os.close(file)
        self._running[pid] = identity

    def bury(self) -> None:
        """Say what became of the processes that are gone."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                code = os.waitstatus_to_exitcode(status)
                identity = self._running.pop(pid)
                if code == 0:
                    self._say(identity, "done", "")
                elif code in _ABORTED:
                    self._say(identity, ProblemKind.TIMEOUT, f"not unpacked within {_wall_seconds(self._limits)} s")
                else:
                    self._say(identity, ProblemKind.CRASHED, f"the emulator {reason(code)}")

    def _processor(self, *, wide: bool) -> Cpu:
        """Return a processor; one of each kind is made when it is first needed, and copied by each fork."""
        from freehold.emulation.icicle import IcicleCpu

        if wide not in self._processors:
            self._processors[wide] = IcicleCpu(wide=wide)
        return self._processors[wide]

    def _say(self, identity: int, outcome: str, detail: str) -> None:
        write_all(self._events, encode([identity, outcome, detail]))


def _live(file: int, size: int, cpu: Cpu, policy: Policy, limits: Limits, *, wide: bool) -> None:
    """Be a process that runs a program and writes down what it had in memory, in place of it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(_wall_seconds(limits) + _GRACE)  # the kernel's clock: nothing in here can stop it
    worker.seal()
    lock_down(policy)
    program = os.pread(file, size, 0)
    try:
        dump = unpack(program, lambda kind: _same(cpu, kind is wide), limits)
    except MalformedInput as error:
        _write(file, limits, str(error), ProblemKind.UNSUPPORTED, [])
    except LimitReached as error:
        _write(file, limits, str(error), ProblemKind.LIMIT, [])
    else:
        _write(file, limits, dump.end, dump.kind or "", dump.regions)


def _wall_seconds(limits: Limits) -> int:
    """Return how long a program may take by the clock on the wall, also where others keep the processors busy."""
    return math.ceil(max(_RUNS * limits.program_seconds, limits.emulation_seconds))


def _same(cpu: Cpu, agreed: bool) -> Cpu:
    if not agreed:
        raise MalformedInput("neither a 32-bit nor a 64-bit program")
    return cpu


def _write(file: int, limits: Limits, end: str, kind: str, regions: list[tuple[str, bytes]]) -> None:
    """Put into the file how the program ended, what kind of problem that is, and what it had in memory."""
    regions = regions[:MOST_REGIONS]
    listed: list[Any] = [[name, len(content)] for name, content in regions]
    header = encode([end, kind, listed])
    if len(header) > HEADER or len(header) + sum(size for _, size in listed) > limits.program_memory:
        header, regions = encode(["more memory than can be looked at", ProblemKind.LIMIT, []]), []
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    write_all(file, header)
    for _, content in regions:
        write_all(file, content)


def _wake_on_child() -> int:
    """Return a pipe that becomes readable when a child ends."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    return woken
