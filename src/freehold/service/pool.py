"""Entries in, finished reports out: keeps the workers busy, keeps their deadlines, replaces the dead.

Answers come as they come. A worker that dies or hangs costs the file that it was examining; what stood in line behind
that file goes to another worker.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from freehold.model.errors import TrustError
from freehold.model.limits import MIB, Limits
from freehold.model.report import Problem, ProblemKind, Report
from freehold.sandbox.host import Answered, Died, Event, Load, Ready, Worker
from freehold.sandbox.modes import Mode, open_workers
from freehold.sandbox.wire import NAME, Job, Setup
from freehold.service.entry import Entry, Finished

GRACE = 2.0
"""Seconds beyond ``Limits.seconds`` that a worker gets to notice by itself that time is up."""

START = 120.0
"""Seconds in which a worker must have begun."""

_LINE_BYTES = 4 * MIB
"""Nothing is lined up behind files that are larger than this together: another worker may be free sooner."""

_RESERVE = 64
"""Descriptors that the pool leaves to the rest of the process."""

_RETIREMENT = 10
"""A worker is replaced once it is so many times as old as one file may take."""

_BAD_STARTS = 5
"""So many workers in a row that die before they begin are a fault of the system, not of a file."""


class _Fed(Enum):
    """How handing out entries ended."""

    ENOUGH = 1
    NOT_YET = 2
    ALL = 3


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


class Pool:
    """A number of workers with the same bundles and limits.

    Args:
        bundles: compiled bundles.
        limits: for each file.
        jobs: workers at most; by default one for each processor that this process may use.
        mode: how they are confined.
        all_matches: go on after a detection that means *infected*.
        tree: keep the tree of artifacts.
        collect: a descriptor that takes all content (``sandbox.collecting``), for one worker; -1 for none.
        passwords: to try on encrypted content.
        older: digests of segments, for entries that were clean before; see ``sandbox.wire.Setup``.
        load: gets the engine; by default Freehold's own.
    """

    def __init__(
        self,
        bundles: Sequence[Path],
        limits: Limits | None = None,
        *,
        jobs: int | None = None,
        mode: Mode = Mode.SANDBOX,
        all_matches: bool = False,
        tree: bool = False,
        collect: int = -1,
        older: Iterable[str] = (),
        passwords: Sequence[bytes] = (),
        load: Load | None = None,
    ) -> None:
        self.sandbox = ""
        self._limits = limits or Limits()
        self._jobs = jobs or processors()
        self._in_flight_limit = _descriptors_left()
        self._seats: dict[int, _Seat] = {}
        self._again: deque[Entry] = deque()
        self._number = 0
        self._in_flight = 0
        self._bad_starts = 0
        setup = Setup(
            tuple(bundles),
            self._limits,
            all_matches=all_matches,
            tree=tree,
            collect=collect,
            older=tuple(older),
            passwords=tuple(passwords),
        )
        self._workers = open_workers(mode, setup, self._jobs, load)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers at once."""
        self._workers.close()

    def scan(self, entries: Iterable[Entry | None]) -> Generator[Finished, None, None]:
        """Examine entries, one pass at a time; a pass that is not finished is abandoned with what is in flight.

        None among the entries means that finding the next one takes long: the workers are looked after meanwhile.

        The descriptors of all entries taken are closed, that of a finished one when the next one is asked for.

        Raises:
            TrustError: there is no sandbox, or a bundle is damaged.
        """
        source = iter(entries)
        try:
            while True:
                fed = yield from self._feed(source)
                if fed is _Fed.ALL and not self._in_flight:
                    return
                for event in self._workers.wait(0 if fed is _Fed.NOT_YET else self._patience()):
                    yield from self._handle(event)
                yield from self._enforce_deadlines()
        finally:
            self._abandon()

    def _feed(self, source: Iterator[Entry | None]) -> Generator[Finished, None, _Fed]:
        """Hand out entries until nobody takes more, or there are no more for now."""
        while self._has_room():
            entry = self._again.popleft() if self._again else next(source, _Fed.ALL)
            if entry is None or isinstance(entry, _Fed):
                self._flush()
                return entry or _Fed.NOT_YET
            if entry.fd is None:
                yield _unexamined(entry)
            else:
                self._submit(entry, entry.fd)
        self._flush()
        return _Fed.ENOUGH

    def _has_room(self) -> bool:
        if self._in_flight >= self._in_flight_limit:
            return False
        return len(self._seats) < self._jobs or any(map(self._takes, self._seats.values()))

    def _takes(self, seat: _Seat) -> bool:
        return not seat.retired and seat.bytes <= _LINE_BYTES and seat.worker.accepts(len(seat.line))

    def _submit(self, entry: Entry, fd: int) -> None:
        now = time.monotonic()
        seat = self._choose(now)
        if not seat.line:
            seat.since = now
        self._number += 1
        seat.line.append((self._number, entry))
        seat.bytes += entry.size
        self._in_flight += 1
        seat.worker.submit(Job(self._number, fd, entry.size, _name(entry), entry.path, entry.clean_before))

    def _choose(self, now: float) -> _Seat:
        """Return a worker that is idle, a new one, or the one with the shortest line."""
        taking = [seat for seat in self._seats.values() if self._takes(seat)]
        best = min(taking, key=_length, default=None)
        if best is not None and (not best.line or len(self._seats) >= self._jobs):
            return best
        worker = self._workers.start()
        seat = self._seats[worker.identity] = _Seat(worker, now, now + _RETIREMENT * self._limits.seconds)
        return seat

    def _flush(self) -> None:
        for seat in self._seats.values():
            seat.worker.flush()

    def _patience(self) -> float | None:
        """Return how long nothing may happen, in seconds."""
        deadlines = [self._deadline(seat) for seat in self._seats.values() if seat.line]
        return min(deadlines) - time.monotonic() if deadlines else None

    def _deadline(self, seat: _Seat) -> float:
        return seat.since + (self._limits.seconds + GRACE if seat.ready else START)

    def _handle(self, event: Event) -> Iterator[Finished]:
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

    def _answered(self, seat: _Seat, event: Answered) -> Iterator[Finished]:
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
        yield from _finished(entry, event.report)

    def _died(self, seat: _Seat, event: Died) -> Iterator[Finished]:
        if seat.ready:
            yield from self._lose(seat, ProblemKind.CRASHED, f"the worker {event.reason}")
            return
        self._bad_starts += 1
        if self._bad_starts >= _BAD_STARTS:
            raise TrustError(f"no worker starts: the last one {event.reason}")
        self._dismiss(seat)

    def _enforce_deadlines(self) -> Iterator[Finished]:
        now = time.monotonic()
        for seat in [seat for seat in self._seats.values() if seat.line and self._deadline(seat) < now]:
            if not seat.ready:
                raise TrustError(f"no worker was ready within {START:g} s")
            self._workers.kill(seat.worker)
            yield from self._lose(seat, ProblemKind.TIMEOUT, f"not examined within {self._limits.seconds:g} s")

    def _lose(self, seat: _Seat, kind: ProblemKind, detail: str) -> Iterator[Finished]:
        """Blame the first in line for the loss of a worker; the others get another one."""
        blamed = self._take_first(seat) if seat.line else None
        self._dismiss(seat)
        if blamed is not None:
            problem = Problem(kind, _name(blamed), detail)
            yield from _finished(blamed, Report(blamed.size, problems=[problem]))

    def _dismiss(self, seat: _Seat) -> None:
        del self._seats[seat.worker.identity]
        self._in_flight -= len(seat.line)
        self._again.extend(entry for _, entry in seat.line)

    def _take_first(self, seat: _Seat) -> Entry:
        _, entry = seat.line.popleft()
        seat.bytes -= entry.size
        self._in_flight -= 1
        return entry

    def _abandon(self) -> None:
        """Forget what is in flight, with the workers that have it."""
        for seat in [seat for seat in self._seats.values() if seat.line]:
            self._workers.kill(seat.worker)
            self._dismiss(seat)
        while self._again:
            _close(self._again.popleft())


def scan(
    entries: Iterable[Entry],
    *,
    bundles: Sequence[Path],
    limits: Limits | None = None,
    jobs: int | None = None,
    mode: Mode = Mode.SANDBOX,
    all_matches: bool = False,
    tree: bool = False,
) -> Generator[Finished, None, None]:
    """Examine entries with workers of their own; see ``Pool``."""
    with Pool(bundles, limits, jobs=jobs, mode=mode, all_matches=all_matches, tree=tree) as pool:
        yield from pool.scan(entries)


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _finished(entry: Entry, report: Report) -> Iterator[Finished]:
    """Yield a file that has been examined, or has cost a worker, and close it once it has been dealt with."""
    try:
        yield Finished(entry.path, report, entry.fd, entry.status)
    finally:
        _close(entry)


def _unexamined(entry: Entry) -> Finished:
    return Finished(entry.path, Report(entry.size, problems=[entry.problem] if entry.problem else []))


def _length(seat: _Seat) -> int:
    return len(seat.line)


def _name(entry: Entry) -> str:
    """Return what a worker gets to know of a path."""
    last = entry.path.rstrip(b"/").rpartition(b"/")[2] or entry.path
    return (entry.name or os.fsdecode(last))[:NAME]


def _close(entry: Entry) -> None:
    if entry.fd is not None:
        os.close(entry.fd)
        entry.fd = None


def _descriptors_left() -> int:
    """Return how many files may be open at once: each stays open until its answer."""
    if sys.platform == "win32":
        return 256
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max((soft - _RESERVE) // 3, 1)
