"""A service from its start to its end: databases, reloads, signals, front ends.

Nothing here reads what clients bring, and nothing compiles: who makes a daemon says where compiled databases come from.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from freehold import __version__
from freehold.bundle.layout import MANIFEST
from freehold.model.errors import FreeholdError
from freehold.service import walking
from freehold.service.clerks import ClerkLost, Clerks, Errands, Item
from freehold.service.concluding import Conclusions, Consequences, Hour
from freehold.service.dispatch import Dispatcher
from freehold.service.log import Log
from freehold.service.manager import notify, reloading, watchdog_seconds
from freehold.service.station import Staffing

DRAIN = 30.0
"""Seconds that clients get for what they have begun when the service ends."""

_LOOK = 5.0
"""Seconds after which the databases are looked at again; they are loaded when they have stopped changing."""


class Prepared(NamedTuple):
    """What a service works with until the next reload.

    Attributes:
        bundles: compiled databases.
        consequences: what is done with what is found.
        notices: what the administrator should know of it.
    """

    bundles: Sequence[Path]
    consequences: Consequences = Consequences()
    notices: Sequence[str] = ()


Prepare = Callable[[Clerks], Awaitable[Prepared]]
"""Finds everything anew, with clerks who know its errands; what has changed is compiled in a process of its own."""


class FrontEnd(Protocol):
    """A way in."""

    async def drain(self, seconds: float) -> None:
        """Accept nobody any more, and return when those that are there have their answers."""

    def close(self) -> None:
        """Free what it listens on."""


class Daemon:
    """A service; made on the running event loop.

    Args:
        staffing: what its workers are prepared for.
        prepare: finds the databases.
        log: takes what happens.
        errands: that ``prepare`` needs; one that is called "state" yields a text that changes when ``prepare`` would
            find something else.

    Attributes:
        database_time: when the newest database was compiled, in seconds since 1970.
        walkers: clerks who walk through the file system; one that hangs there keeps the others' work from nobody.
    """

    def __init__(self, staffing: Staffing, prepare: Prepare, log: Log, errands: Errands | None = None) -> None:
        self.log = log
        self.dispatcher = Dispatcher(staffing)
        self._errands: Errands = {"state": lambda _: iter([Item([""])]), **(errands or {})}
        self.walkers = Clerks(walking.errands())
        self._clerks = Clerks(self._errands)
        self._hour = Hour()
        self._prepare = prepare
        self._loaded = ""
        self.database_time = 0.0
        self._stopping = asyncio.Event()
        self._reload: asyncio.Task[None] | None = None
        self._reload_again = False

    @property
    def version(self) -> str:
        """Name, version, number and date of the database, in the shape of clamd's."""
        moment = self.database_time
        number = time.strftime("%Y%m%d%H", time.gmtime(moment))
        return f"Freehold {__version__}/{number}/{time.asctime(time.gmtime(moment))}"

    def status(self) -> dict[str, Any]:
        """Return what the service does and has done, as JSON knows it."""
        work = self.dispatcher
        return {
            "version": self.version,
            "sandbox": work.sandbox,
            "databases": [os.fspath(path) for path in work.bundles],
            "queued": work.queued,
            "jobs": work.jobs,
            "workers": [worker._asdict() for station in work.stations for worker in station.workers()],
            "processes": {"daemon": os.getpid(), "zygotes": [station.pid for station in work.stations]},
            **work.statistics.told(),
        }

    async def load(self) -> None:
        """Load the databases and try them; raises ``FreeholdError``."""
        self._loaded = await self._state()
        prepared = await self._prepare(self._clerks)
        moment = max((path / MANIFEST).stat().st_mtime for path in prepared.bundles)
        await self.dispatcher.use(prepared.bundles)
        self.database_time = moment
        before = self._clerks
        self._clerks = Clerks({**self._errands, **prepared.consequences.errands()})
        self.dispatcher.conclusions = Conclusions(prepared.consequences, self._clerks, self._hour)
        before.retire()
        for notice in prepared.notices:
            self.log.warning("notice", text=notice)

    async def run(self, front_ends: Sequence[FrontEnd]) -> None:
        """Serve until somebody ends it.

        Raises:
            FreeholdError: the workers cannot be kept alive.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.shut_down)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        if not self.dispatcher.finds_test_file:
            self.log.warning("the databases do not detect the EICAR test file")
        self.log.note("ready", sandbox=self.dispatcher.sandbox, workers=self.dispatcher.jobs, version=self.version)
        notify("READY=1", f"STATUS={self.version}")
        self._watch(watchdog_seconds() / 2)
        following = asyncio.ensure_future(self._follow())
        try:
            self.dispatcher.failed.add_done_callback(lambda _: self.shut_down())
            await self._stopping.wait()
            notify("STOPPING=1")
            self.log.note("ending")
            await asyncio.gather(*(end.drain(DRAIN) for end in front_ends))
        finally:
            following.cancel()
            if self._reload:
                self._reload.cancel()
            self.close()
        if self.dispatcher.failed.done():
            raise self.dispatcher.failed.result()
        self.log.note("ended", requests=self.dispatcher.statistics.requests)

    def close(self) -> None:
        """End all workers at once."""
        self.dispatcher.close()
        self._clerks.close()
        self.walkers.close()

    def shut_down(self) -> None:
        """Finish what was begun, and end."""
        self._stopping.set()

    def reload(self) -> None:
        """Begin to load the databases anew; while that goes on, once more afterwards."""
        if self._reload and not self._reload.done():
            self._reload_again = True
            return
        self._reload = asyncio.ensure_future(self._reloaded())

    def _watch(self, seconds: float) -> None:
        """Tell systemd now and then that requests get on, as long as they do."""
        if seconds:
            if not self.dispatcher.stalled:
                notify("WATCHDOG=1")
            asyncio.get_running_loop().call_later(seconds, self._watch, seconds)

    async def _follow(self) -> None:
        """Load the databases when they have changed, and have stopped changing."""
        before = self._loaded
        while True:
            await asyncio.sleep(_LOOK)
            now = await self._state()
            if now == before and now != self._loaded:
                self.log.note("databases have changed")
                self.reload()
            before = now

    async def _state(self) -> str:
        try:
            async with self._clerks.errand("state") as errand:
                return str((await anext(errand)).values[0])
        except ClerkLost as error:
            self.log.warning("cannot look at the databases", reason=str(error))
            return self._loaded

    async def _reloaded(self) -> None:
        while True:
            self._reload_again = False
            reloading()
            try:
                await self.load()
                self.log.note("reloaded", version=self.version)
            except (FreeholdError, OSError) as error:
                self.log.warning("reload refused: the old databases stay in use", reason=str(error))
            notify("READY=1", f"STATUS={self.version}")
            if not self._reload_again:
                return
