"""One zygote with its crew on an event loop: requests in, one at a time in the order they came, and a future for each.

The zygote is forked here, so no thread may exist in this process.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from freehold.model.errors import FreeholdError
from freehold.model.limits import Limits
from freehold.sandbox.host import PATIENCE, Load, SocketZygote
from freehold.sandbox.wire import Setup
from freehold.service.crew import START, Crew, Examined, Working
from freehold.service.entry import Entry
from freehold.service.repeats import Repeats

_LINE = 2
"""Entries for each worker that are in flight at once: what it examines, and what it goes on with. The others wait here,
where each gets its turn, and none waits for a file that takes long while another worker is free."""

_TICK = 1.0
"""Seconds after which deadlines are looked at, at the latest."""

_GLANCE = 0.05
"""Seconds after which a zygote that was told to end is looked for again."""


class Staffing(NamedTuple):
    """What every zygote of a service is prepared for.

    Attributes:
        limits: for each request.
        jobs: workers at most.
        confine: whether workers are locked down.
        passwords: to try on encrypted content.
        load: gets the engine; by default Freehold's own.
    """

    limits: Limits
    jobs: int
    confine: bool = True
    passwords: tuple[bytes, ...] = ()
    load: Load | None = None


class StationLost(FreeholdError):
    """The process that starts workers is gone, and what was asked for has not been examined."""


class Station:
    """A zygote with workers, on the running event loop.

    Args:
        bundles: compiled bundles.
        staffing: what the workers are prepared for.
        on_loss: called with an entry that has cost a worker, while it is open.

    Attributes:
        bundles: what it was given.
        lost: why there are no workers any more.
        repeats: what the database said of contents that may come again.
    """

    def __init__(self, bundles: Sequence[Path], staffing: Staffing, on_loss: Callable[[Entry], None]) -> None:
        self.bundles = tuple(bundles)
        self.lost: FreeholdError | None = None
        self.repeats = Repeats()
        setup = Setup(self.bundles, staffing.limits, confine=staffing.confine, passwords=staffing.passwords)
        self._zygote = SocketZygote(setup, staffing.load)
        self._crew = Crew(self._zygote, staffing.limits, staffing.jobs, _LINE * staffing.jobs, _LINE)
        self._on_loss = on_loss
        self._waiting: deque[Entry] = deque()
        self._requests: dict[Entry, asyncio.Future[Examined]] = {}
        self._retired = False
        self._answered = time.monotonic()
        self._longest = 2 * (staffing.limits.seconds + START)
        self._loop = asyncio.get_running_loop()
        self._fileno = self._zygote.fileno()
        self._loop.add_reader(self._fileno, self._advance)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def sandbox(self) -> str:
        """What confines the workers, once one of them has begun."""
        return self._crew.sandbox

    @property
    def queued(self) -> int:
        """How many requests no worker has yet."""
        return len(self._waiting)

    @property
    def busy(self) -> int:
        """How many workers have something to do."""
        return self._crew.busy

    @property
    def stalled(self) -> bool:
        """Whether there are requests, and none has been answered for longer than any of them may take."""
        return bool(self._requests) and time.monotonic() - self._answered > self._longest

    def examine(self, entry: Entry) -> asyncio.Future[Examined]:
        """Have an open entry examined, which is the caller's again when the future is done.

        A future that is cancelled leaves the entry here, as long as ``holds`` says so. Raises ``StationLost``.
        """
        future: asyncio.Future[Examined] = self._loop.create_future()
        if not self._requests:
            self._answered = time.monotonic()
        self._requests[entry] = future
        self._waiting.append(entry)
        self._feed()
        return future

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is still going to be closed here."""
        return entry in self._requests

    def retire(self) -> None:
        """Take no more requests, and close once there are none left."""
        self._retired = True
        self._loop.call_soon(self._leave)

    def dismiss(self) -> None:
        """End the zygote and its workers soon; requests that are left fail with ``StationLost``."""
        self._lose(StationLost("the service gave this database up"))

    @property
    def pid(self) -> int:
        """The process that starts the workers."""
        return self._zygote.pid

    def workers(self) -> list[Working]:
        """Return what each worker does."""
        return self._crew.workers()

    def close(self) -> None:
        """End the zygote and its workers now; requests that are left fail with ``StationLost``."""
        self._lose(StationLost("the service ends"))
        self._zygote.close()

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it."""
        return self.lost is not None and self._zygote.has_ended()

    def _feed(self) -> None:
        while self._waiting and self._crew.has_room():
            entry = self._waiting.popleft()
            if self._requests[entry].cancelled() or entry.fd is None:
                self._requests.pop(entry)
                close(entry)
            else:
                self._crew.submit(entry, entry.fd)
        self._crew.flush()
        if self._timer is None and self._crew.in_flight:
            self._timer = self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._advance()

    def _advance(self) -> None:
        if self.lost:
            return
        try:
            for examined in self._crew.step(0):
                self._finish(examined)
        except FreeholdError as error:
            self._lose(error)
            return
        self._feed()
        self._leave()

    def _finish(self, examined: Examined) -> None:
        if examined.lost:
            self._on_loss(examined.entry)
        self._answered = time.monotonic()
        future = self._requests.pop(examined.entry)
        if future.done():
            close(examined.entry)
        else:
            future.set_result(examined)

    def _leave(self) -> None:
        if self._retired and not self._requests:
            self._lose(StationLost("another database took over"))

    def _lose(self, error: FreeholdError) -> None:
        if self.lost:
            return
        self.lost = error
        self._loop.remove_reader(self._fileno)
        if self._timer is not None:
            self._timer.cancel()
        self._crew.abandon()
        self._zygote.dismiss()
        self._bury(self._loop.time() + PATIENCE)
        self._waiting.clear()
        for entry, future in self._requests.items():
            if future.done():
                close(entry)
            else:
                future.set_exception(StationLost(str(error)))
        self._requests.clear()

    def _bury(self, deadline: float) -> None:
        """Look after the zygote until it has ended, without waiting for it."""
        if self._zygote.has_ended() or self._loop.is_closed():
            return
        if self._loop.time() > deadline:
            self._zygote.kill_all()
        self._loop.call_later(_GLANCE, self._bury, deadline)


def close(entry: Entry) -> None:
    """Close the descriptor of an entry, if it has one."""
    if entry.fd is not None:
        os.close(entry.fd)
        entry.fd = None
