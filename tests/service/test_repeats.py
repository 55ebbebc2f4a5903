"""Contents that come again: the same report, made once, and only where another examination would say the same."""

import asyncio
import os
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest

from freehold.model.limits import Limits
from freehold.model.report import Detection, Problem, ProblemKind, Report
from freehold.model.view import View
from freehold.sandbox import lockdown
from freehold.service import repeats
from freehold.service.content import SMALL, Content
from freehold.service.dispatch import Dispatcher
from freehold.service.entry import Entry
from freehold.service.station import Staffing

pytestmark = [
    pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class Numbering:
    """Numbers its examinations; what is found, and what is wrong, stands in the content."""

    def __init__(self, numbers: "count[int]", database: str) -> None:
        self._numbers = numbers
        self._database = database

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        report = Report(view.size, file_type=f"{self._database} {next(self._numbers)}")
        word = view.read(0, 20).decode().partition(" ")[0]
        if word == "evil":
            report.detections.append(Detection("Evil", name, 0, 4, "x.ndb:1"))
        elif word in set(ProblemKind):
            report.problems.append(Problem(ProblemKind(word), name, "because"))
        return report


def load(bundles: Sequence[Path]) -> Callable[[int], Numbering]:
    return lambda _: Numbering(count(), str(bundles[0]))


async def dispatcher() -> Dispatcher:
    made = Dispatcher(Staffing(Limits(), 1, load=load))
    await made.use([Path("first")])
    return made


def arrived(content: bytes, name: bytes = b"stream") -> Entry:
    taken = Content()
    for start in range(0, len(content), 10_000):
        taken.write(content[start : start + 10_000])
    digest = taken.digest()
    entry = Entry(name, taken.detach(), taken.size)
    entry.digest = digest
    return entry


async def types(work: Dispatcher, *entries: Entry) -> list[str]:
    return [(await work.examine(entry)).file_type for entry in entries]


def test_the_same_content_is_examined_once_for_each_name_wish_and_database() -> None:
    async def run() -> None:
        work = await dispatcher()
        first = await types(work, arrived(b"same"), arrived(b"same"), arrived(b"other"), arrived(b"same", b"name"))
        assert (first[0] == first[1], len(set(first))) == (True, 3)
        every, tree = arrived(b"same"), arrived(b"same")
        every.all_matches = tree.tree = True
        assert len({*first, *await types(work, every, tree)}) == 5
        await work.use([Path("second")])
        assert (await types(work, arrived(b"same")))[0].startswith("second")
        work.close()

    asyncio.run(run())


def test_findings_are_remembered_and_failures_are_not() -> None:
    async def run() -> None:
        work = await dispatcher()
        for kind in ProblemKind:
            kinds = await types(work, *(arrived(kind.value.encode()) for _ in range(2)))
            assert (kinds[0] == kinds[1]) == (kind not in FAILURES), kind
        reports = [await work.examine(arrived(b"evil x")) for _ in range(2)]
        assert [report.detections[0].name for report in reports] == ["Evil"] * 2
        assert reports[0].file_type == reports[1].file_type
        work.close()

    asyncio.run(run())


FAILURES = {ProblemKind.CRASHED, ProblemKind.TIMEOUT, ProblemKind.INTERNAL, ProblemKind.UNREADABLE, ProblemKind.CHANGED}


def test_what_is_incomplete_is_looked_at_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "LIFETIME", -1.0)

    async def run() -> None:
        work = await dispatcher()
        assert len(set(await types(work, arrived(b"encrypted"), arrived(b"encrypted")))) == 2
        assert len(set(await types(work, arrived(b"clean"), arrived(b"clean")))) == 1
        work.close()

    asyncio.run(run())


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 2)

    async def run() -> None:
        work = await dispatcher()
        names = [b"a", b"b", b"a", b"c", b"a", b"b"]
        seen = await types(work, *(arrived(name) for name in names))
        assert seen[0] == seen[2] == seen[4]
        assert seen[1] != seen[5]
        work.close()

    asyncio.run(run())


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 1 << 20, (1 << 20) + 1])
def test_digests_are_of_the_content_whatever_became_of_it(size: int) -> None:
    import hashlib

    content = os.urandom(size)
    entry = arrived(content)
    assert entry.fd is not None
    assert os.pread(entry.fd, size, 0) == content
    os.close(entry.fd)
    assert entry.digest == (hashlib.sha256(content).digest() if size <= 1 << 20 else b"")
