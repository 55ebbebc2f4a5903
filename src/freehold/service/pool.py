"""Entries in, finished reports out: pulls entries for a crew of workers as they are needed.

Answers come as they come. What becomes of workers that die or hang, ``crew`` says.
"""

import os
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from freehold.model.limits import Limits
from freehold.model.report import Report
from freehold.sandbox.host import Load
from freehold.sandbox.modes import Mode, open_workers
from freehold.sandbox.wire import Setup
from freehold.service.crew import Crew
from freehold.service.entry import Entry, Finished

_RESERVE = 64
"""Descriptors that the pool leaves to the rest of the process."""


class _Fed(Enum):
    """How handing out entries ended."""

    ENOUGH = 1
    NOT_YET = 2
    ALL = 3


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
        limits = limits or Limits()
        jobs = jobs or processors()
        setup = Setup(
            tuple(bundles),
            limits,
            all_matches=all_matches,
            tree=tree,
            collect=collect,
            older=tuple(older),
            passwords=tuple(passwords),
        )
        self._crew = Crew(open_workers(mode, setup, jobs, load), limits, jobs, descriptors_left())

    @property
    def sandbox(self) -> str:
        """What confines the workers, once one of them has begun."""
        return self._crew.sandbox

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers at once."""
        self._crew.close()

    def scan(self, entries: Iterable[Entry | None]) -> Generator[Finished, None, None]:
        """Examine entries, one pass at a time; a pass that is not finished is abandoned with what is in flight.

        None among the entries means that finding the next one takes long: the workers are looked after meanwhile.

        The descriptors of all entries taken are closed, that of a finished one when the next one is asked for.

        Raises:
            TrustError: there is no sandbox, or a bundle is damaged.
        """
        crew = self._crew
        source = iter(entries)
        try:
            while True:
                fed = yield from self._feed(source)
                if fed is _Fed.ALL and not crew.in_flight:
                    return
                for entry, report, _ in crew.step(0 if fed is _Fed.NOT_YET else crew.patience()):
                    yield from _finished(entry, report)
        finally:
            for entry in crew.abandon():
                _close(entry)

    def _feed(self, source: Iterator[Entry | None]) -> Generator[Finished, None, _Fed]:
        """Hand out entries until nobody takes more, or there are no more for now."""
        fed = _Fed.ENOUGH
        while self._crew.has_room():
            entry = next(source, _Fed.ALL)
            if entry is None or isinstance(entry, _Fed):
                fed = entry or _Fed.NOT_YET
                break
            if entry.fd is None:
                yield _unexamined(entry)
            else:
                self._crew.submit(entry, entry.fd)
        self._crew.flush()
        return fed


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


def _close(entry: Entry) -> None:
    if entry.fd is not None:
        os.close(entry.fd)
        entry.fd = None


def descriptors_left() -> int:
    """Return how many files may be open at once: each stays open until its answer."""
    if sys.platform == "win32":
        return 256
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max((soft - _RESERVE) // 3, 1)
