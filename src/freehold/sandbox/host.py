"""The host side: a zygote, its workers, and what becomes of them.

A seam is deliberate here. The zygote is forked from this process and imports ``freehold.sandbox.zygote`` by name, in
the child only: so this process, which keeps its rights, never loads a parser, and no import statement says otherwise.

Descriptors travel as SCM_RIGHTS over pairs of SOCK_SEQPACKET sockets that have no name and no path. ``pipes`` does
without sockets, ``plain`` without a sandbox where the system has none.
"""

import contextlib
import importlib
import os
import select
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from freehold.model.errors import FreeholdError, MalformedInput, TrustError, UsageError
from freehold.model.limits import Limits
from freehold.model.report import Report
from freehold.model.view import View
from freehold.sandbox.forking import fork
from freehold.sandbox.wire import PIECE, Job, Lines, Setup, decode, encode

PATIENCE = 2.0
"""Seconds that a zygote gets to stop its workers before it is killed with them."""

EXIT_MEMORY = 71
"""Exit status of a worker that ran out of memory and could not turn that into a problem."""

FAILURES = {"trust": TrustError, "usage": UsageError}
_REASONS = {
    "SIGSYS": "made a forbidden system call (SIGSYS)",
    "SIGXCPU": "used up its processor time (SIGXCPU)",
    "SIGKILL": "was killed (SIGKILL), perhaps for lack of memory",
}


class Examiner(Protocol):
    """What a worker runs: ``freehold.engine.scan.Engine``, which this side must not import."""

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        """Examine one file."""


Load = Callable[[Sequence[Path]], Callable[[int], Examiner]]
"""Called once in the zygote with the bundles; what it returns is called in each worker with the spool's descriptor."""


class Ends(NamedTuple):
    """The zygote's ends of what connects it with the host; everything else that it inherits is closed.

    Attributes:
        commands: comes from the host.
        events: goes to the host.
        answers: pipes in which workers answer; none where each worker gets a socket.
    """

    commands: int
    events: int
    answers: tuple[int, ...] = ()


class Worker(ABC):
    """One worker, as the host sees it: answers come in the order of the jobs.

    Attributes:
        identity: no two workers of one zygote share it.
        fd: where its answers arrive.
    """

    def __init__(self, identity: int, fd: int, setup: Setup) -> None:
        self.identity = identity
        self.fd = fd
        self._lines = Lines(setup.answer)

    @abstractmethod
    def accepts(self, in_flight: int) -> bool:
        """Whether it takes another job when it has so many unanswered."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Take a job; what happens to a dead worker's jobs is told by ``Died``."""

    @abstractmethod
    def flush(self) -> None:
        """Begin with what was submitted; returns at once."""

    def hear(self, piece: bytes) -> Iterator["Event"]:
        """Turn what it sent into events; raises ``MalformedInput``."""
        for line in self._lines.feed(piece):
            yield self._event(decode(line))

    def _event(self, message: list[Any]) -> "Event":
        kind = message[0]
        if type(kind) is int and len(message) == 2:
            return Answered(self, kind, Report.from_wire(message[1]))
        if kind == "ready" and len(message) == 2 and type(message[1]) is str and len(message[1]) < 200:
            return Ready(self, message[1])
        raise MalformedInput("a worker sent something that is not an answer")


class Ready(NamedTuple):
    """A worker is locked down and begins; ``sandbox`` says what confines it."""

    worker: Worker
    sandbox: str


class Answered(NamedTuple):
    """A worker has examined the file with this number."""

    worker: Worker
    number: int
    report: Report


class Died(NamedTuple):
    """A worker is gone, with all jobs that it did not answer; ``reason`` goes on after "the worker"."""

    worker: Worker
    reason: str


Event = Ready | Answered | Died


class Workers(ABC):
    """Where workers come from."""

    @abstractmethod
    def start(self) -> Worker:
        """Start a worker; it takes jobs at once."""

    @abstractmethod
    def kill(self, worker: Worker) -> None:
        """End a worker without a ``Died``; the jobs that it did not answer are lost."""

    @abstractmethod
    def wait(self, timeout: float | None) -> list[Event]:
        """Wait up to so many seconds for events; raises ``FreeholdError`` when there can be no more workers."""

    @abstractmethod
    def close(self) -> None:
        """End all workers at once and wait until they are gone."""


class Zygote(Workers):
    """A forked process that has loaded the engine and forks workers.

    Args:
        setup: what the workers are prepared for.
        ends: the child's ends.
        events: where the zygote reports.
        load: gets the engine; by default Freehold's own.
    """

    def __init__(self, setup: Setup, ends: Ends, events: int, load: Load | None) -> None:
        self._setup = setup
        self._workers: dict[int, Worker] = {}
        self._by_fd: dict[int, Worker] = {}
        self._identities = 0
        self._events = events
        self._lines = Lines(PIECE)
        self._poll = select.epoll()
        self._poll.register(events, select.EPOLLIN)
        self._dismissed = False
        self._pid = fork(lambda: importlib.import_module("freehold.sandbox.zygote").zygote_main(setup, ends, load))

    @property
    def pid(self) -> int:
        """The number of the process, 0 once it has ended."""
        return self._pid

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when ``wait`` has something to tell."""
        return self._poll.fileno()

    @abstractmethod
    def _command(self, message: list[Any]) -> None:
        """Send the zygote a message; a zygote that is gone is noticed by ``wait``."""

    @abstractmethod
    def _hang_up(self) -> None:
        """Close what goes to the zygote, which makes it end."""

    @abstractmethod
    def _release(self, worker: Worker) -> None:
        """Free what connects a dead worker with this process."""

    def _new_identity(self) -> int:
        self._identities += 1
        return self._identities

    def _enlist(self, worker: Worker) -> None:
        self._workers[worker.identity] = worker
        self._by_fd[worker.fd] = worker
        os.set_blocking(worker.fd, False)
        self._poll.register(worker.fd, select.EPOLLIN)

    def kill(self, worker: Worker) -> None:
        """See ``Workers.kill``."""
        self._command(["kill", worker.identity])
        self._forget(worker)

    def wait(self, timeout: float | None) -> list[Event]:
        """See ``Workers.wait``."""
        events: list[Event] = []
        news = False
        for fd, _ in self._poll.poll(None if timeout is None else max(timeout, 0)):
            if fd == self._events:
                news = True
            else:
                events += self._hear(self._by_fd[fd])
        if news:  # last: what a worker said before it died was read above, or is read with the news
            events += self._news()
        return events

    def close(self) -> None:
        """See ``Workers.close``."""
        if self._pid == 0:
            return
        self.dismiss()
        self._await_end(time.monotonic() + PATIENCE)
        self.kill_all()
        os.waitpid(self._pid, 0)
        self._leave()

    def dismiss(self) -> None:
        """Tell the zygote to end all workers and itself, and do not wait: ``has_ended`` tells, ``kill_all`` hurries."""
        if self._dismissed:
            return
        self._dismissed = True
        for worker in list(self._workers.values()):
            self._forget(worker)
        self._hang_up()

    def has_ended(self) -> bool:
        """Whether the zygote is gone; nothing is left to be closed then."""
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._leave()
        return self._pid == 0

    def kill_all(self) -> None:
        """End the zygote at once, and its workers with it."""
        os.kill(self._pid, signal.SIGKILL)  # not reaped yet, so the number is still its own

    def _leave(self) -> None:
        self._pid = 0
        self._poll.close()
        os.close(self._events)

    def _await_end(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(left * 1000) and not read(self._events):
                return

    def _hear(self, worker: Worker) -> list[Event]:
        """Read from a worker. One that hung up is on its way out, or up to something: it is made sure of."""
        piece = read(worker.fd)
        events: list[Event] = []
        if piece == b"":
            self._poll.unregister(worker.fd)
            self._command(["kill", worker.identity])
        try:
            events.extend(worker.hear(piece or b""))
        except MalformedInput as error:
            self.kill(worker)
            events.append(Died(worker, f"broke the protocol: {error}"))
        return events

    def _news(self) -> list[Event]:
        piece = read(self._events)
        if piece is None:
            return []
        if not piece:
            raise TrustError("the process that starts the workers died")
        events: list[Event] = []
        for message in map(decode, self._lines.feed(piece)):
            if message[0] == "failed":
                raise FAILURES.get(message[1], FreeholdError)(message[2])
            events += self._bury(message[1], message[2])
        return events

    def _bury(self, identity: int, status: int) -> list[Event]:
        worker = self._workers.get(identity)
        if worker is None:
            return []
        events = self._last_words(worker)
        if identity in self._workers:
            self._forget(worker)
            events.append(Died(worker, reason(os.waitstatus_to_exitcode(status))))
        return events

    def _last_words(self, worker: Worker) -> list[Event]:
        events: list[Event] = []
        try:
            while piece := read(worker.fd):
                events.extend(worker.hear(piece))
        except MalformedInput:
            return events  # it is dead already; what stood before the damage counts
        return events

    def _forget(self, worker: Worker) -> None:
        if self._workers.pop(worker.identity, None) is not None:
            del self._by_fd[worker.fd]
            with contextlib.suppress(FileNotFoundError):  # one that hung up is not listened to any more
                self._poll.unregister(worker.fd)
            self._release(worker)


class SocketZygote(Zygote):
    """A zygote whose workers get descriptors over sockets."""

    def __init__(self, setup: Setup, load: Load | None = None) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            super().__init__(setup, Ends(theirs.fileno(), theirs.fileno()), os.dup(self._control.fileno()), load)

    def start(self) -> Worker:
        """See ``Workers.start``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        worker = _SocketWorker(self._new_identity(), ours, self._setup)
        with theirs:
            self._command(["start", worker.identity], theirs.fileno())
        self._enlist(worker)
        return worker

    def _command(self, message: list[Any], *descriptors: int) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is gone: ``wait`` tells
            socket.send_fds(self._control, [encode(message)], descriptors)

    def _hang_up(self) -> None:
        self._control.shutdown(socket.SHUT_WR)
        self._control.close()

    def _release(self, worker: Worker) -> None:
        if isinstance(worker, _SocketWorker):
            worker.close()


class _SocketWorker(Worker):
    _CAPACITY = 8

    def __init__(self, identity: int, ours: socket.socket, setup: Setup) -> None:
        super().__init__(identity, ours.fileno(), setup)
        self._socket = ours

    def accepts(self, in_flight: int) -> bool:
        return in_flight < self._CAPACITY

    def submit(self, job: Job) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is gone: the zygote tells
            socket.send_fds(self._socket, [encode([job.number, job.size, job.name, *job.flags])], [job.fd])

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._socket.close()


def reason(code: int) -> str:
    """Say what an exit code means (negative: the signal that ended it), to go on after "the worker"."""
    if code >= 0:
        return "ran out of memory" if code == EXIT_MEMORY else f"stopped with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"was ended by signal {-code}"
    return _REASONS.get(name) or f"crashed ({name})"


def read(fd: int) -> bytes | None:
    """Return a piece, b"" at the end, None when there is nothing yet."""
    try:
        return os.read(fd, PIECE)
    except BlockingIOError:
        return None
    except ConnectionResetError:
        # The other side left without reading all; the kernel says so before it hands out what was said until then.
        return _last_piece(fd)


def _last_piece(fd: int) -> bytes:
    try:
        return os.read(fd, PIECE)
    except (BlockingIOError, ConnectionResetError):
        return b""
