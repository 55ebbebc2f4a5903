"""The dispatcher: every request gets its own report, whatever happens to workers and databases."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from freehold.model.errors import FreeholdError
from freehold.model.limits import Limits
from freehold.model.report import Report
from freehold.model.view import View
from freehold.sandbox import lockdown
from freehold.service.dispatch import Dispatcher
from freehold.service.entry import Entry
from freehold.service.poison import Poison
from freehold.service.station import Staffing

pytestmark = [
    pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class Echo:
    """Reports the content as the file type, and dies where the content or the database says so."""

    def __init__(self, bundles: Sequence[Path]) -> None:
        self.mortal = Path("bad") in bundles

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        content = view.read(0, 8)
        if content == b"die" or self.mortal:
            os._exit(7)
        return Report(view.size, file_type=f"{content!r} {all_matches} {tree}")


def load(bundles: Sequence[Path]) -> Callable[[int], Echo]:
    if Path("unloadable") in bundles:
        raise FreeholdError("cannot be loaded")
    return lambda spool: Echo(bundles)


STAFFING = Staffing(Limits(), 2, load=load)


def entry(content: bytes, *, all_matches: bool = False, tree: bool = False) -> Entry:
    fd = os.memfd_create("content")
    os.write(fd, content)
    made = Entry(b"name", fd, len(content))
    made.all_matches = all_matches
    made.tree = tree
    return made


def test_every_request_gets_its_own_report() -> None:
    async def run() -> None:
        dispatcher = Dispatcher(STAFFING)
        await dispatcher.use([])
        entries = [entry(b"%d" % number, all_matches=number % 2 == 0, tree=number % 3 == 0) for number in range(200)]
        reports = await asyncio.gather(*map(dispatcher.examine, entries))
        assert [report.file_type for report in reports] == [
            f"{b'%d' % n!r} {n % 2 == 0} {n % 3 == 0}" for n in range(200)
        ]
        assert all(one.fd is None for one in entries)
        dispatcher.close()

    asyncio.run(run())


def test_content_that_kills_workers_is_refused_the_third_time() -> None:
    async def run() -> None:
        dispatcher = Dispatcher(STAFFING)
        await dispatcher.use([])
        details = [(await dispatcher.examine(entry(b"die"))).problems[0].detail for _ in range(4)]
        assert details[:2] == ["the worker stopped with status 7"] * 2
        assert all("has cost several workers" in detail for detail in details[2:])
        assert (await dispatcher.examine(entry(b"dye"))).problems == []
        dispatcher.close()

    asyncio.run(run())


@pytest.mark.parametrize("database", ["bad", "unloadable"])
def test_a_database_that_fails_is_not_used(database: str) -> None:
    async def run() -> None:
        dispatcher = Dispatcher(STAFFING)
        await dispatcher.use([Path("good")])
        with pytest.raises(FreeholdError):
            await dispatcher.use([Path(database)])
        assert dispatcher.bundles == (Path("good"),)
        assert (await dispatcher.examine(entry(b"x"))).problems == []
        dispatcher.close()

    asyncio.run(run())


def test_requests_that_are_given_up_leave_no_descriptor() -> None:
    async def run() -> None:
        dispatcher = Dispatcher(STAFFING)
        await dispatcher.use([])
        entries = [entry(b"x") for _ in range(100)]
        tasks = [asyncio.ensure_future(dispatcher.examine(one)) for one in entries]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await dispatcher.examine(entry(b"y"))
        dispatcher.close()
        assert all(one.fd is None for one in entries)

    asyncio.run(run())


def test_poison_is_told_apart_by_content() -> None:
    poison = Poison()
    fds = [entry(content).fd or 0 for content in (b"a" * 300_000, b"a" * 299_999 + b"b", b"a" * 299_999)]
    sizes = [300_000, 300_000, 299_999]
    for _ in range(2):
        poison.add(fds[0], sizes[0])
    assert [poison.contains(fd, size) for fd, size in zip(fds, sizes, strict=True)] == [True, False, False]
    for fd in fds:
        os.close(fd)
