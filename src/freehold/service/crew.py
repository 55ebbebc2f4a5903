"""The crew: keeps workers busy with what it is given, keeps their deadlines, replaces the dead.

Who gives it entries decides how: ``pool`` pulls them from a walk, ``dispatch`` takes them as clients bring them. A
worker that dies or hangs costs the file that it was examining; what stood in line behind that file goes to another
worker.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from freehold.model.errors import TrustError
from freehold.model.limits import MIB, Limits
from freehold.model.report import Problem, ProblemKind, Report
from freehold.sandbox.host import Answered, Died, Event, Ready, Worker, Workers
from freehold.sandbox.wire import NAME, Flags, Job
from freehold.service.entry import Entry

GRACE = 2.0
"""Seconds beyond ``Limits.seconds`` that a worker gets to notice by itself that time is up."""

START = 120.0
"""Seconds in which a worker must have begun."""

_LINE_BYTES = 4 * MIB
"""Nothing is lined up behind files that are larger than this together: another worker may be free sooner."""

_RETIREMENT = 10
"""A worker is replaced once it is so many times as old as one file may take."""

_BAD_STARTS = 5
"""So many workers in a row that die before they begin are a fault of the system, not of a file."""


class Examined(NamedTuple):
    """An entry with its report; its descriptor is still open, and is now the business of whoever gave it.

    Attributes:
        entry: as it was given.
        report: what the examination yielded.
        lost: it cost a worker, and the report says how.
    """

    entry: Entry
    report: Report
    lost: bool = False


class Working(NamedTuple):
    """What a worker does.

    Attributes:
        name: of what it examines, "" when it waits.
        size: of that, in bytes.
        seconds: since it began with that.
        line: how many more stand in line.
    """

    name: str
    size: int
    seconds: float
    line: int


class _Seat:
    """A worker and the line before it; the first entry in line is the one that it examines."""

    __slots__ = ("bytes", "line", "ready", "retired", "retires", "since", "worker")

    def __init__(self, worker: Worker, since: float, retires: float) -> None:
        self.worker = worker
        self.line: deque[tuple[int, Entry]] = deque()
        self.bytes = 0
        self.ready = False
        self.since = since
        self.retires = retires
        self.retired = False


class Crew:
    """Some workers with the same bundles and limits.

    Args:
        workers: where they come from.
        limits: for each file, as the workers know them.
        jobs: how many there are at most.
        most: entries that may be in flight at once.
        line: entries that may be lined up before one worker, the one that it examines among them; what stands in line
            behind a file that takes long waits for it although another worker may be free. None: as many as it takes.

    Attributes:
        sandbox: what confines the workers, once one of them has begun.
        in_flight: entries that have been taken and not been answered.
    """

    def __init__(self, workers: Workers, limits: Limits, jobs: int, most: int, line: int | None = None) -> None:
        self.sandbox = ""
        self.in_flight = 0
        self._workers = workers
        self._limits = limits
        self._jobs = jobs
        self._most = most
        self._line = most if line is None else line
        self._seats: dict[int, _Seat] = {}
        self._again: deque[Entry] = deque()
        self._number = 0
        self._bad_starts = 0

    def close(self) -> None:
        """End all workers at once."""
        self._workers.close()

    @property
    def busy(self) -> int:
        """How many workers have something to do."""
        return sum(1 for seat in self._seats.values() if seat.line)

    def workers(self) -> list[Working]:
        """Return what each worker does."""
        now = time.monotonic()
        return [
            Working(name_of(seat.line[0][1]), seat.line[0][1].size, now - seat.since, len(seat.line) - 1)
            if seat.line
            else Working("", 0, 0.0, 0)
            for seat in self._seats.values()
        ]

    def has_room(self) -> bool:
        """Whether another entry may be submitted."""
        self._resume()
        return not self._again and self.in_flight < self._most and self._has_hands()

    def submit(self, entry: Entry, fd: int) -> None:
        """Take an entry with its descriptor; ``step`` yields it again."""
        self.in_flight += 1
        self._submit(entry, fd)

    def flush(self) -> None:
        """Let the workers begin with what was submitted; returns at once."""
        self._resume()
        for seat in self._seats.values():
            seat.worker.flush()

    def patience(self) -> float | None:
        """Return how long nothing may happen, in seconds; None for ever."""
        deadlines = [self._deadline(seat) for seat in self._seats.values() if seat.line]
        return min(deadlines) - time.monotonic() if deadlines else None

    def step(self, timeout: float | None) -> Iterator[Examined]:
        """Wait up to so many seconds for the workers, and yield what they have done.

        Raises:
            TrustError: there is no sandbox, or a bundle is damaged.
        """
        for event in self._workers.wait(timeout):
            yield from self._handle(event)
        yield from self._enforce_deadlines()

    def abandon(self) -> list[Entry]:
        """Forget what is in flight, with the workers that have it, and return it."""
        for seat in [seat for seat in self._seats.values() if seat.line]:
            self._workers.kill(seat.worker)
            self._dismiss(seat)
        abandoned = list(self._again)
        self._again.clear()
        self.in_flight = 0
        return abandoned

    def _resume(self) -> None:
        """Hand what its worker left behind to others."""
        while self._again and self._has_hands():
            entry = self._again.popleft()
            if entry.fd is not None:
                self._submit(entry, entry.fd)

    def _has_hands(self) -> bool:
        return len(self._seats) < self._jobs or any(map(self._takes, self._seats.values()))

    def _takes(self, seat: _Seat) -> bool:
        length = len(seat.line)
        return not seat.retired and length < self._line and seat.bytes <= _LINE_BYTES and seat.worker.accepts(length)

    def _submit(self, entry: Entry, fd: int) -> None:
        now = time.monotonic()
        seat = self._choose(now)
        if not seat.line:
            seat.since = now
        self._number += 1
        seat.line.append((self._number, entry))
        seat.bytes += entry.size
        flags = Flags(entry.clean_before, entry.all_matches, entry.tree)
        job = Job(self._number, fd, entry.size, name_of(entry), entry.path, flags)
        seat.worker.submit(job)

    def _choose(self, now: float) -> _Seat:
        """Return a worker that is idle, a new one, or the one with the shortest line."""
        taking = [seat for seat in self._seats.values() if self._takes(seat)]
        best = min(taking, key=_length, default=None)
        if best is not None and (not best.line or len(self._seats) >= self._jobs):
            return best
        worker = self._workers.start()
        seat = self._seats[worker.identity] = _Seat(worker, now, now + _RETIREMENT * self._limits.seconds)
        return seat

    def _deadline(self, seat: _Seat) -> float:
        return seat.since + (self._limits.seconds + GRACE if seat.ready else START)

    def _handle(self, event: Event) -> Iterator[Examined]:
        seat = self._seats.get(event.worker.identity)
        if seat is None:
            return
        if isinstance(event, Answered):
            yield from self._answered(seat, event)
        elif isinstance(event, Ready):
            self._bad_starts = 0
            self.sandbox = event.sandbox
            seat.ready = True
            seat.since = time.monotonic()
        else:
            yield from self._died(seat, event)

    def _answered(self, seat: _Seat, event: Answered) -> Iterator[Examined]:
        if not seat.ready or not seat.line or seat.line[0][0] != event.number:
            self._workers.kill(seat.worker)
            yield from self._lose(seat, ProblemKind.CRASHED, "the worker broke the protocol")
            return
        entry = self._take_first(seat)
        seat.since = time.monotonic()
        seat.retired = seat.since > seat.retires
        if seat.retired and not seat.line:
            self._workers.kill(seat.worker)
            self._dismiss(seat)
        self.in_flight -= 1
        yield Examined(entry, event.report)

    def _died(self, seat: _Seat, event: Died) -> Iterator[Examined]:
        if seat.ready:
            yield from self._lose(seat, ProblemKind.CRASHED, f"the worker {event.reason}")
            return
        self._bad_starts += 1
        if self._bad_starts >= _BAD_STARTS:
            raise TrustError(f"no worker starts: the last one {event.reason}")
        self._dismiss(seat)

    def _enforce_deadlines(self) -> Iterator[Examined]:
        now = time.monotonic()
        for seat in [seat for seat in self._seats.values() if seat.line and self._deadline(seat) < now]:
            if not seat.ready:
                raise TrustError(f"no worker was ready within {START:g} s")
            self._workers.kill(seat.worker)
            yield from self._lose(seat, ProblemKind.TIMEOUT, f"not examined within {self._limits.seconds:g} s")

    def _lose(self, seat: _Seat, kind: ProblemKind, detail: str) -> Iterator[Examined]:
        """Blame the first in line for the loss of a worker; the others get another one."""
        blamed = self._take_first(seat) if seat.line else None
        self._dismiss(seat)
        if blamed is not None:
            problem = Problem(kind, name_of(blamed), detail)
            self.in_flight -= 1
            yield Examined(blamed, Report(blamed.size, problems=[problem]), lost=True)

    def _dismiss(self, seat: _Seat) -> None:
        del self._seats[seat.worker.identity]
        self._again.extend(entry for _, entry in seat.line)

    def _take_first(self, seat: _Seat) -> Entry:
        _, entry = seat.line.popleft()
        seat.bytes -= entry.size
        return entry


def name_of(entry: Entry) -> str:
    """Return what a worker gets to know of a path."""
    last = entry.path.rstrip(b"/").rpartition(b"/")[2] or entry.path
    return (entry.name or os.fsdecode(last))[:NAME]


def _length(seat: _Seat) -> int:
    return len(seat.line)
