"""The pool: every entry that goes in comes out once, whatever happens to it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.limits import Limits
from freehold.model.report import Problem, ProblemKind, Report
from freehold.model.view import View
from freehold.sandbox import lockdown
from freehold.service.entry import Entry
from freehold.service.pool import Pool

pytestmark = [
    pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class Echo:
    """Reports the content as the file type, and dies where the content says so."""

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        content = view.read(0, 8)
        if content == b"die":
            os._exit(7)
        return Report(view.size, file_type=f"{content.hex()} {name} {all_matches} {tree}")


def load(bundles: Sequence[Path]) -> Callable[[int], Echo]:
    return lambda spool: Echo()


def memory_file(content: bytes) -> int:
    fd = os.memfd_create("content")
    os.write(fd, content)
    return fd


CONTENT = st.sampled_from([b"die", None]) | st.binary(max_size=8).filter(lambda content: content != b"die")


@settings(max_examples=25, deadline=None)
@given(st.lists(CONTENT, max_size=60), st.integers(1, 4))
def test_every_entry_comes_out_once_with_its_own_report(contents: list[bytes | None], jobs: int) -> None:
    denied = Problem(ProblemKind.UNREADABLE, "name", "Permission denied")
    given_entries = []
    for number, content in enumerate(contents):
        path = b"/folder/\xff%d" % number
        if content is None:
            given_entries.append(Entry(path, None, 3, denied))
        else:
            given_entries.append(Entry(path, memory_file(content), len(content)))
    with Pool([], jobs=jobs, load=load) as pool:
        reports = {finished.path: finished.report for finished in pool.scan(given_entries)}
    assert len(reports) == len(contents)
    for number, content in enumerate(contents):
        report = reports[b"/folder/\xff%d" % number]
        if content is None:
            assert report.problems == [denied]
        elif content == b"die":
            assert [problem.detail for problem in report.problems] == ["the worker stopped with status 7"]
        else:
            name = os.fsdecode(b"\xff%d" % number)
            assert report.file_type == f"{content.hex()} {name} False False"
    assert all(entry.fd is None for entry in given_entries)


def test_options_reach_the_engine() -> None:
    with Pool([], jobs=1, load=load, all_matches=True, tree=True) as pool:
        [finished] = pool.scan([Entry(b"name", memory_file(b""), 0)])
    assert finished.report.file_type == " name True True"


def test_entries_are_pulled_as_they_are_needed() -> None:
    pulled = 0

    def entries() -> Iterator[Entry]:
        nonlocal pulled
        for _ in range(500):
            pulled += 1
            yield Entry(b"name", memory_file(b"x"), 1)

    with Pool([], jobs=2, load=load) as pool:
        for finished, _ in enumerate(pool.scan(entries()), 1):
            assert pulled - finished <= 40  # what is in flight
    assert pulled == 500


def test_a_small_allowance_of_open_files_is_enough(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        with Pool([], jobs=8, load=load) as pool:
            reports = list(pool.scan(Entry(b"name", memory_file(b"x"), 1) for _ in range(300)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(reports) == 300


class Slow:
    """Reports the process that it runs in, after a while."""

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        time.sleep(0.005)
        return Report(view.size, file_type=str(os.getpid()))


def test_old_workers_are_replaced_and_nothing_is_lost() -> None:
    def load_slow(bundles: Sequence[Path]) -> Callable[[int], Slow]:
        return lambda spool: Slow()

    with Pool([], Limits(seconds=0.05), jobs=1, load=load_slow) as pool:
        reports = [finished.report for finished in pool.scan(Entry(b"x", memory_file(b"x"), 1) for _ in range(250))]
    assert [report.problems for report in reports] == [[]] * 250
    assert len({report.file_type for report in reports}) >= 2


def test_content_that_shrinks_is_a_problem() -> None:
    fd = memory_file(b"four")
    with Pool([], jobs=1, load=load) as pool:
        [finished] = pool.scan([Entry(b"name", fd, 400)])
    assert [problem.kind for problem in finished.report.problems] == [ProblemKind.CHANGED]


@pytest.mark.parametrize("content", [b"fine", b"die"])
def test_the_descriptor_that_was_examined_is_open_until_the_next_file_is_asked_for(content: bytes) -> None:
    fd = memory_file(content)
    with Pool([], jobs=1, load=load) as pool:
        finished = pool.scan([Entry(b"name", fd, len(content))])
        item = next(finished)
        assert item.fd == fd
        assert os.pread(fd, 8, 0) == content
        assert next(finished, None) is None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_a_pass_that_is_abandoned_closes_the_descriptor_that_was_handed_out() -> None:
    fd = memory_file(b"x")
    with Pool([], jobs=1, load=load) as pool:
        finished = pool.scan([Entry(b"name", fd, 1)])
        next(finished)
        finished.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
