"""Requests of all clients, one queue: examines them at the station of the day, and changes stations on the run.

A new database gets a station of its own beside the old one, is tried there, and takes over when it passes; requests
that the old one has are finished there.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import freehold
from freehold.model.errors import FreeholdError, TrustError
from freehold.model.report import Problem, ProblemKind, Report, Verdict
from freehold.service.concluding import Conclusions
from freehold.service.content import Content
from freehold.service.crew import name_of
from freehold.service.entry import Entry
from freehold.service.poison import Poison
from freehold.service.station import Staffing, Station, StationLost, close
from freehold.service.statistics import Statistics
from freehold.service.testfile import EICAR

_TRIES = 3
"""A request is given to so many stations before it is answered with a problem."""

_LOSSES = 5
_LOSSES_WITHIN = 60.0
"""So many stations lost within so many seconds are a fault of the system: the service ends."""


_OWN_FILES = 12
"""Files of Freehold's own that a new database must find nothing in."""


class Dispatcher:
    """Examines what clients bring; made on the running event loop.

    Args:
        staffing: what workers are prepared for.

    Attributes:
        conclusions: drawn from what is found; None to leave reports as they are.
        on_loss: is told how many workers have died, when one has; None to tell nobody.
        statistics: of the requests that have been answered.
        failed: done when no station can be kept alive, with the reason.
        finds_test_file: whether the database detects the EICAR test file.
    """

    def __init__(self, staffing: Staffing) -> None:
        self.conclusions: Conclusions | None = None
        self.on_loss: Callable[[int], None] | None = None
        self.statistics = Statistics()
        self.finds_test_file = False
        self.failed: asyncio.Future[FreeholdError] = asyncio.get_running_loop().create_future()
        self._staffing = staffing
        self._poison = Poison()
        self._losses: deque[float] = deque(maxlen=_LOSSES)
        self._station: Station | None = None
        self._old: list[Station] = []

    @property
    def jobs(self) -> int:
        """Workers at most."""
        return self._staffing.jobs

    @property
    def busy(self) -> int:
        """Workers that have something to do."""
        return self._station.busy if self._station else 0

    @property
    def queued(self) -> int:
        """Requests that no worker has yet."""
        return self._station.queued if self._station else 0

    @property
    def stalled(self) -> bool:
        """Whether there are requests, and none has been answered for longer than any of them may take."""
        return self._station is not None and self._station.stalled

    @property
    def stations(self) -> list[Station]:
        """The station of the day, and those that are ending."""
        return [station for station in (self._station, *self._old) if station and not station.gone]

    @property
    def sandbox(self) -> str:
        """What confines the workers."""
        return self._station.sandbox if self._station else ""

    @property
    def bundles(self) -> tuple[Path, ...]:
        """The database that is in use."""
        return self._station.bundles if self._station else ()

    async def use(self, bundles: Sequence[Path]) -> None:
        """Try a database, and use it from now on.

        Raises:
            FreeholdError: it failed its trial; what was used before stays.
        """
        station = self._open(bundles)
        try:
            finds = await _trial(station)
            self._compare(finds=finds)
        except BaseException:
            station.dismiss()
            self._old.append(station)
            raise
        self.finds_test_file = finds
        self.statistics.reloads += 1
        if self._station:
            self._station.retire()
        self._replace(station)

    async def examine(self, entry: Entry) -> Report:
        """Examine an open entry, which is closed; what goes wrong is a problem in the report."""
        began = time.monotonic()
        try:
            report = await self._examined(entry)
        finally:
            self.release(entry)
        self.statistics.add(entry.path, report, time.monotonic() - began)
        return report

    async def _examined(self, entry: Entry) -> Report:
        every = entry.all_matches
        if self.conclusions and self.conclusions.wants_all_matches:
            entry.all_matches = True
        for _ in range(_TRIES):
            station = self._current()
            if station is None or entry.fd is None:
                break
            if self._poison.contains(entry.fd, entry.size):
                self.statistics.refused += 1
                detail = "this content has cost several workers before and is not examined again for a while"
                return _failed(entry, ProblemKind.CRASHED, detail)
            try:
                report = await _ask(station, entry)
            except StationLost:
                continue
            if self.conclusions:
                return await self.conclusions.draw(entry, report, all_matches=every)
            return report
        return _failed(entry, ProblemKind.INTERNAL, "the workers' parent process died")

    def release(self, entry: Entry) -> None:
        """Close an entry of which nobody waits for the report, now or as soon as nobody examines it."""
        if not any(station.holds(entry) for station in (self._station, *self._old) if station):
            close(entry)

    def close(self) -> None:
        """End everything at once."""
        for station in (self._station, *self._old):
            if station:
                station.close()

    def _compare(self, *, finds: bool) -> None:
        if self.finds_test_file and not finds:
            raise TrustError("the new database does not detect the EICAR test file, which the old one does")

    def _open(self, bundles: Sequence[Path]) -> Station:
        return Station(bundles, self._staffing, self._blame)

    def _current(self) -> Station | None:
        """Return the station, a new one when it died; None when that happens too often."""
        if self._station and self._station.lost:
            now = time.monotonic()
            self._losses.append(now)
            if len(self._losses) == _LOSSES and now - self._losses[0] < _LOSSES_WITHIN:
                if not self.failed.done():
                    self.failed.set_result(self._station.lost)
                return None
            self._replace(self._open(self._station.bundles))
        return self._station

    def _replace(self, station: Station) -> None:
        self._old = [old for old in (*self._old, self._station) if old and not old.gone]
        self._station = station

    def _blame(self, entry: Entry) -> None:
        self.statistics.lost += 1
        if self.on_loss:
            self.on_loss(self.statistics.lost)
        if entry.fd is not None:
            self._poison.add(entry.fd, entry.size)


async def _ask(station: Station, entry: Entry) -> Report:
    """Return what a station knows of this content, or finds out; raises ``StationLost``."""
    name = name_of(entry)
    report = station.repeats.find(entry, name)
    if report is None:
        report = (await station.examine(entry)).report
        station.repeats.note(entry, name, report)
    return report


async def _trial(station: Station) -> bool:
    """Examine the EICAR test file and some of Freehold's own files; returns whether the first is detected.

    Raises:
        FreeholdError: the database cannot be loaded, kills workers, or detects what is harmless.
    """
    content = Content()
    content.write(EICAR)
    eicar = await _tried(station, Entry(b"eicar.com", content.detach(), len(EICAR)))
    for path in sorted((Path(freehold.__file__).parent / "service").glob("*.py"))[:_OWN_FILES]:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        report = await _tried(station, Entry(os.fsencode(path), fd, os.fstat(fd).st_size))
        if report.detections:
            raise TrustError(f"the database detects {report.detections[0].name} in Freehold's own {path.name}")
    return eicar.verdict is Verdict.INFECTED


async def _tried(station: Station, entry: Entry) -> Report:
    try:
        examined = await station.examine(entry)
    finally:
        if not station.holds(entry):
            close(entry)
    if examined.lost:
        raise TrustError(f"the database fails on {name_of(entry)}: {examined.report.problems[0].detail}")
    return examined.report


def _failed(entry: Entry, kind: ProblemKind, detail: str) -> Report:
    return Report(entry.size, problems=[Problem(kind, name_of(entry), detail)])
