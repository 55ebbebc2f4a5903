"""The zygote's side of emulation: hears workers ask, has an emulator process started at the first question.

The zygote touches nothing of what workers want to have run: it knows the number of a file, and passes on sizes and
words. The process that runs programs is its child, ``emulating``, which is not there before somebody asks.
"""

import os
import select
import signal
from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind
from freehold.sandbox import emulated, lockdown
from freehold.sandbox.forking import keep_only
from freehold.sandbox.spool import open_spool
from freehold.sandbox.wire import PIECE, Lines, decode, encode, write_all

_LINE = 1024


class Exchange(NamedTuple):
    """What connects one worker with the emulator: the zygote's ends, and the worker's."""

    file: int
    asked: int
    tell: int
    ends: emulated.Ends

    @property
    def descriptors(self) -> set[int]:
        """All that the zygote has to close when the worker is gone; the worker's own ends it closes at once."""
        return {self.file, self.asked, self.tell}


class Emulators:
    """Keeps the exchanges of all workers, and the process that serves them.

    Args:
        directory: where spools lie.
        policy: confines a process that runs a program.
        poll: what the zygote waits with.
        limits: what a program may cost.
    """

    def __init__(self, directory: str, policy: lockdown.Policy, poll: select.poll, limits: Limits) -> None:
        self._directory = directory
        self._policy = policy
        self._poll = poll
        self._limits = limits
        self._exchanges: dict[int, Exchange] = {}
        self._by_fd: dict[int, int] = {}
        self._pid = 0
        self._commands = self._events = -1
        self._lines = Lines(PIECE)
        self._unavailable: list[str] = []

    def connect(self, identity: int) -> Exchange:
        """Return what connects a new worker; its ends are to be closed here once it has them."""
        asked, ask = os.pipe()
        told, tell = os.pipe()
        file = open_spool(self._directory)
        exchange = Exchange(file, asked, tell, emulated.Ends(os.dup(file), ask, told))
        self._exchanges[identity] = exchange
        self._by_fd[asked] = identity
        os.set_blocking(asked, False)
        self._poll.register(asked, select.POLLIN)
        return exchange

    def descriptors(self) -> set[int]:
        """Return all descriptors of this object, which no worker may inherit."""
        own = {self._commands, self._events} - {-1}
        return own.union(*(exchange.descriptors for exchange in self._exchanges.values()))

    def forget(self, identity: int) -> None:
        """Close what a dead worker was connected with."""
        exchange = self._exchanges.pop(identity, None)
        if exchange is None:
            return
        if self._by_fd.pop(exchange.asked, None) is not None:
            self._poll.unregister(exchange.asked)
        for fd in exchange.descriptors:
            os.close(fd)

    def serve(self, fd: int) -> None:
        """Do what is due when one of these descriptors has something to say."""
        if fd == self._events:
            self._hear()
        elif fd in self._by_fd:
            self._ask(self._by_fd[fd], fd)

    def reap(self) -> None:
        """Take leave of the process if it is gone."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0

    def end(self) -> None:
        """End the process, and with it all that it has started."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _ask(self, identity: int, fd: int) -> None:
        """Pass a question on; a worker that does not keep to the protocol is not listened to any more."""
        piece = os.read(fd, _LINE)
        try:
            size, wide = decode(piece.rstrip(b"\n")) if piece else (None, None)
        except (MalformedInput, ValueError):
            size = wide = None
        if type(size) is not int or type(wide) is not bool or not 0 <= size <= self._limits.program_bytes:
            self._poll.unregister(fd)
            del self._by_fd[fd]
            return
        if not self._unavailable and self._commands < 0:
            self._start()
        if self._unavailable:
            self._tell(identity, ProblemKind.UNSUPPORTED, self._unavailable[0])
        else:
            write_all(self._commands, encode([identity, self._exchanges[identity].file, size, wide]))

    def _hear(self) -> None:
        """Pass answers on; when the process is gone, so is all that it had to run."""
        piece = os.read(self._events, PIECE)
        for identity, outcome, detail in map(decode, self._lines.feed(piece)):
            if outcome == ProblemKind.UNSUPPORTED:
                self._unavailable = [detail]
            self._tell(identity, outcome, detail)
        if not piece:
            self._poll.unregister(self._events)
            os.close(self._events)
            os.close(self._commands)
            self._events = self._commands = -1
            for identity in self._exchanges:
                self._tell(identity, ProblemKind.CRASHED, "the emulator is gone")

    def _tell(self, identity: int, outcome: str, detail: str) -> None:
        exchange = self._exchanges.get(identity)
        if exchange is not None:
            write_all(exchange.tell, encode([outcome, detail]))

    def _start(self) -> None:
        commands, self._commands = os.pipe()
        self._events, events = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_emulator(commands, events)
        self._pid = pid
        os.close(commands)
        os.close(events)
        self._poll.register(self._events, select.POLLIN)

    def _become_emulator(self, commands: int, events: int) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with open("/proc/self/comm", "w") as comm:  # noqa: PTH123 - pathlib is not loaded here
                comm.write("fh-emulator")
            keep_only({commands, events} | ({self._policy.root} if self._policy.root is not None else set()))
            from freehold.sandbox import emulating

            emulating.serve(commands, events, self._policy, self._limits)
            status = 0
        finally:
            os._exit(status)
