"""The zygote: a process that has loaded the engine, reads commands and no hostile byte, and forks workers.

The host imports this module by name, in the forked child only; see ``host``.
"""

import gc
import math
import os
import select
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from freehold.model.errors import FreeholdError, TrustError, UsageError
from freehold.model.limits import MIB
from freehold.sandbox import emulated, lockdown, seccomp, worker
from freehold.sandbox.emulators import Emulators
from freehold.sandbox.examination import Kit, load_engine, load_newer
from freehold.sandbox.forking import keep_only
from freehold.sandbox.host import Ends, Load
from freehold.sandbox.late import LateModules
from freehold.sandbox.spool import spool_directory
from freehold.sandbox.wire import PIECE, Lines, Setup, decode, encode, write_all

LIFETIME = 20
"""A worker may use so many times the processor time of one file; the pool replaces it before the kernel ends it."""

_COMMANDS = 1 << 20
_KINDS = ((TrustError, "trust"), (UsageError, "usage"), (FreeholdError, "other"))


def zygote_main(setup: Setup, ends: Ends, load: Load | None) -> None:
    """Load the engine and fork workers on command, until the host hangs up."""
    keep_only({ends.commands, ends.events, *ends.answers} | ({setup.collect} - {-1}))
    try:
        zygote = _Zygote(setup, ends, load or partial(load_engine, collect=setup.collect, passwords=setup.passwords))
    except FreeholdError as error:
        kind = next(kind for type_, kind in _KINDS if isinstance(error, type_))
        write_all(ends.events, encode(["failed", kind, str(error)]))
        return
    except Exception as error:  # noqa: BLE001 - a traceback would reach the user; the host raises this text instead
        write_all(
            ends.events, encode(["failed", "other", f"the engine does not load: {type(error).__name__}: {error}"])
        )
        return
    try:
        zygote.run()
    finally:
        zygote.end_all()


class _Zygote:
    def __init__(self, setup: Setup, ends: Ends, load: Load) -> None:
        directory = spool_directory()
        self._root: int | None = None
        self._calls: seccomp.Table = ()
        if setup.confine:
            lockdown.require()
            self._root = lockdown.empty_directory(directory)
            self._calls = seccomp.load_table()
        self._setup = setup
        self._ends = ends
        newer = load_newer(setup.bundles, setup.older, setup.passwords)
        self._kit = Kit(setup, load(setup.bundles), directory, newer)
        worker.preload()
        self._late = LateModules()
        if not setup.sockets:
            self._late.load_all()
        self._pids: dict[int, int] = {}
        self._woken, self._wake = _wake_on_child()
        self._control = worker.adopt(ends.commands) if setup.sockets else None
        self._lines = Lines(_COMMANDS)
        self._poll = select.poll()
        self._emulators = Emulators(directory, self._emulation_policy(), self._poll, setup.limits)
        gc.freeze()  # workers share these pages as long as nobody touches them
        gc.enable()

    def run(self) -> None:
        self._poll.register(self._ends.commands, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._woken:
                    os.read(fd, PIECE)
                    self._reap()
                elif fd != self._ends.commands:
                    self._emulators.serve(fd)
                elif not self._obey():
                    return

    def end_all(self) -> None:
        self._emulators.end()
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)
        for pid in self._pids.values():
            os.waitpid(pid, 0)

    def _obey(self) -> bool:
        """Do what the host says next; False when it hung up."""
        channel = -1
        if self._control is None:
            piece = os.read(self._ends.commands, PIECE)
        else:
            piece, channel = worker.receive(self._control)
        for verb, identity, *arguments in map(decode, self._lines.feed(piece)):
            if verb == "kill":
                self._kill(identity)
            elif verb == "start":
                self._start(identity, channel)
            else:
                self._start_batch(identity, *arguments)
        return bool(piece)

    def _start(self, identity: int, channel: int) -> None:
        self._fork(identity, lambda policy: worker.serve(self._kit, channel, policy, self._late))
        os.close(channel)

    def _start_batch(self, identity: int, slot: int, jobs: list[list[Any]]) -> None:
        """Fork a worker that inherits its files."""
        batch = [(number, _reopen(fd), size, name, *flags) for number, fd, size, name, *flags in jobs]
        answers = self._ends.answers[slot]
        self._fork(identity, lambda policy: worker.serve_batch(self._kit, answers, batch, policy, self._late), answers)
        for _, file, *_ in batch:
            if isinstance(file, int):
                os.close(file)

    def _fork(self, identity: int, life: Callable[[lockdown.Policy], None], answers: int = -1) -> None:
        policy = self._policy()
        exchange = self._emulators.connect(identity)
        pid = os.fork()
        if pid == 0:
            emulated.connect(exchange.ends)
            worker.live(lambda: self._leave(life, policy, answers))
        for fd in exchange.ends:
            os.close(fd)
        self._pids[identity] = pid

    def _leave(self, life: Callable[[lockdown.Policy], None], policy: lockdown.Policy, answers: int) -> None:
        """In the new worker: part with what is the zygote's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        own = {self._woken, self._wake, self._ends.commands, self._ends.events, *self._ends.answers}
        for fd in (own | self._emulators.descriptors()) - {answers}:
            os.close(fd)
        life(policy)

    def _policy(self) -> lockdown.Policy:
        limits = self._setup.limits
        return lockdown.Policy(
            memory=limits.worker_memory,
            cpu_seconds=int(LIFETIME * limits.seconds) + 1,
            file_bytes=limits.unpacked_bytes if self._setup.collect < 0 else 2 * limits.unpacked_bytes,
            parent=os.getpid(),
            calls=self._calls,
            root=self._root,
            descriptors=self._setup.sockets,
            confine=self._setup.confine,
        )

    def _emulation_policy(self) -> lockdown.Policy:
        limits = self._setup.limits
        return self._policy()._replace(
            memory=1024 * MIB,
            cpu_seconds=3 * math.ceil(limits.program_seconds),
            file_bytes=max(limits.program_memory, limits.program_bytes),
            descriptors=False,
            code=True,
        )

    def _kill(self, identity: int) -> None:
        pid = self._pids.get(identity)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)  # not reaped yet, so the number is still its own

    def _reap(self) -> None:
        self._emulators.reap()
        for identity, pid in list(self._pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._pids[identity]
                self._emulators.forget(identity)
                write_all(self._ends.events, encode(["died", identity, status]))


def _reopen(fd: int) -> int | str:
    """Open what the host has open under this number, whatever became of its path; a text says why not."""
    try:
        return os.open(f"/proc/{os.getppid()}/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        return f"could not be opened again: {error.strerror}"


def _wake_on_child() -> tuple[int, int]:
    """Return a pipe that becomes readable when a child ends."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    return woken, wake
