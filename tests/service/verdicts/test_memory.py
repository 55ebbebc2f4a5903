"""What is remembered of files, and what makes it worthless."""

import mmap
import os
import time
from pathlib import Path

import pytest

from freehold.model.report import Detection, Problem, ProblemKind, Report
from freehold.service.entry import Entry, Known
from freehold.service.verdicts import Memory
from freehold.service.verdicts.filesystems import FileSystems
from freehold.service.verdicts.generation import Generation
from freehold.service.verdicts.memory import settling
from freehold.service.walk import LeftOut, Walk, WalkOptions

GENERATION = Generation(frozenset({"core"}), "engine")


def disk(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        return bool(FileSystems().identity(fd, os.fstat(fd).st_dev))
    finally:
        os.close(fd)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with two files that have rested long enough."""
    if not disk(tmp_path):
        pytest.skip("temporary files lie on a file system on which nothing is remembered")
    folder = tmp_path / "tree"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
    time.sleep(0.02)
    return folder


class Scan:
    """One scan of a folder: everything in it is found clean, or what ``report`` says."""

    def __init__(self, cache: Path, folder: Path, generation: Generation = GENERATION, **options: object) -> None:
        self.memory = Memory(cache, lambda: generation, lists=True, **{"settled": 0.0, **options})
        self.examined: list[str] = []
        self.known: list[str] = []
        self.walk = Walk(WalkOptions(), self.memory)
        for found in self.walk.all([os.fsencode(folder)]):
            if isinstance(found, Known):
                assert found.files == len(found.each)
                self.known += [path.rpartition(b"/")[2].decode() for path, _ in found.each]
            else:
                self._examine(found)
        self.memory.save()

    def _examine(self, entry: Entry) -> None:
        assert entry.fd is not None
        os.close(entry.fd)
        self.examined.append(entry.path.rpartition(b"/")[2].decode())
        self.memory.remember(entry.status, Report(entry.size, "text"))


def test_unchanged_files_are_known(tree: Path, tmp_path: Path) -> None:
    assert Scan(tmp_path, tree).examined == ["a", "b"]
    second = Scan(tmp_path, tree)
    assert (second.examined, second.known) == ([], ["a", "b"])
    assert Scan(tmp_path, tree, ignore=True).examined == ["a", "b"]


def test_a_change_with_its_times_set_back_is_noticed(tree: Path, tmp_path: Path) -> None:
    Scan(tmp_path, tree)
    before = (tree / "a").stat()
    (tree / "a").write_text("x")
    os.utime(tree / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (tree / "a").stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert Scan(tmp_path, tree).examined == ["a"]


def test_a_file_that_takes_the_place_of_another_is_noticed(tree: Path, tmp_path: Path) -> None:
    Scan(tmp_path, tree)
    (tree / "b").rename(tree / "a")
    assert Scan(tmp_path, tree).examined == ["a"]  # renaming changes the time of change


def test_a_file_that_has_not_rested_is_not_remembered(tree: Path, tmp_path: Path) -> None:
    (tree / "young").write_text("x")
    os.utime(tree / "young", (1, 1))
    for _ in range(2):
        scan = Scan(tmp_path, tree, settled=0.01 if _ else 3600.0)
    assert scan.known == []
    time.sleep(0.02)
    Scan(tmp_path, tree)
    assert Scan(tmp_path, tree).known == ["a", "b", "young"]


def test_a_store_into_a_mapped_page_is_noticed_once_the_page_was_written(tree: Path, tmp_path: Path) -> None:
    """The kernel notes a store when a page becomes dirty: that is why files must rest until it was written back."""
    with (tree / "a").open("r+b") as file, mmap.mmap(file.fileno(), 1) as page:
        page[0] = 1
        os.fsync(file.fileno())
        time.sleep(0.02)
        Scan(tmp_path, tree)
        page[0] = 2
        time.sleep(0.02)
    assert Scan(tmp_path, tree).examined == ["a"]


def test_resting_lasts_as_long_as_the_kernel_may_hold_pages_back() -> None:
    assert settling() >= 5


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system in memory")  # noqa: S108
def test_nothing_is_remembered_where_stores_leave_no_trace(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        (Path(folder) / "a").write_text("a")
        time.sleep(0.02)
        for _ in range(2):
            assert Scan(tmp_path, Path(folder)).examined == ["a"]


def test_only_complete_clean_examinations_are_remembered(tree: Path, tmp_path: Path) -> None:
    status = (tree / "a").stat()
    memory = Scan(tmp_path / "nowhere", tree / "a").memory
    fd = os.open(tree, os.O_RDONLY)
    memory.batch(b"", fd, status.st_dev)
    os.close(fd)
    memory.remember(status, Report(1, detections=[Detection("Test", "a", 0, 1, "x:1")]))
    memory.remember(status, Report(1, problems=[Problem(ProblemKind.ENCRYPTED, "a", "x")]))
    memory.remember(status, Report(2))  # of another size than was opened
    memory.remember(None, Report(1))
    memory.save()
    assert memory.notices == []
    assert not (tmp_path / "nowhere").exists()


def test_other_signatures_limits_or_engines_examine_everything(tree: Path, tmp_path: Path) -> None:
    Scan(tmp_path, tree)
    for other in (Generation(frozenset({"other"}), "engine"), Generation(frozenset({"core"}), "newer engine")):
        assert Scan(tmp_path, tree, other).examined == ["a", "b"]
        assert Scan(tmp_path, tree, other).known == ["a", "b"]


def test_a_database_that_is_replaced_during_the_scan_forgets_what_it_found(tree: Path, tmp_path: Path) -> None:
    answers = [GENERATION, Generation(frozenset({"new"}), "engine")]
    memory = Memory(tmp_path, lambda: answers.pop(0), settled=0.0)
    for found in Walk(WalkOptions(), memory).all([os.fsencode(tree)]):
        assert isinstance(found, Entry)
        assert found.fd is not None
        os.close(found.fd)
        memory.remember(found.status, Report(found.size))
    memory.save()
    assert "replaced" in memory.notices[0]
    assert Scan(tmp_path, tree).known == []


@pytest.mark.parametrize("damage", [b"", b"garbage", b"FHVERD1\n" + b"\xff" * 5_000])
def test_a_damaged_memory_is_said_and_begun_anew(tree: Path, tmp_path: Path, damage: bytes) -> None:
    Scan(tmp_path, tree)
    (tmp_path / "verdicts").write_bytes(damage)
    scan = Scan(tmp_path, tree)
    assert scan.examined == ["a", "b"]
    assert "is not used" in scan.memory.notices[0]
    assert Scan(tmp_path, tree).known == ["a", "b"]


def test_times_that_no_record_can_hold_are_no_trouble(tree: Path, tmp_path: Path) -> None:
    os.utime(tree / "a", ns=(0, -1))
    os.utime(tree / "b", ns=(0, (1 << 33) * 1_000_000_000))
    for _ in range(2):
        assert "a" in Scan(tmp_path, tree).examined


def test_files_that_did_not_change_since_then_are_left_out(tree: Path) -> None:
    time.sleep(0.02)
    since = time.time_ns()
    time.sleep(0.02)
    (tree / "a").write_text("changed")
    os.utime(tree / "a", (1, 1))  # setting the time back changes the other time
    walk = Walk(WalkOptions(changed_since=since))
    entries = list(walk.entries([os.fsencode(tree)]))
    assert [entry.path.rpartition(b"/")[2] for entry in entries] == [b"a"]
    assert walk.left_out == {LeftOut.UNCHANGED: 1}
    for entry in entries:
        os.close(entry.fd or 0)


def clean_before(cache: Path, folder: Path, generation: Generation) -> tuple[frozenset[str], list[bool]]:
    memory = Memory(cache, lambda: generation, settled=0.0)
    marks = []
    for found in Walk(WalkOptions(), memory).all([os.fsencode(folder)]):
        assert isinstance(found, Entry)
        marks.append(found.clean_before)
        os.close(found.fd or 0)
    return memory.older, marks


def test_new_segments_alone_look_at_what_was_clean(tree: Path, tmp_path: Path) -> None:
    Scan(tmp_path, tree)
    (tree / "a").write_text("changed")
    newer = Generation(frozenset({"core", "newer"}), "engine")
    assert clean_before(tmp_path, tree, newer) == (frozenset({"core"}), [False, True])


@pytest.mark.parametrize(
    "generation",
    [
        Generation(frozenset({"newer"}), "engine"),
        Generation(frozenset({"core", "newer"}), "newer engine"),
        Generation(frozenset({"other", "newer"}), "engine"),
    ],
)
def test_all_segments_look_when_one_is_gone_or_the_engine_is_another(
    tree: Path, tmp_path: Path, generation: Generation
) -> None:
    Scan(tmp_path, tree)
    assert clean_before(tmp_path, tree, generation) == (frozenset(), [False, False])


def test_a_record_counts_only_if_it_has_all_that_is_left_out(tree: Path, tmp_path: Path) -> None:
    small, medium, large = (Generation(frozenset(list("abc")[:count]), "engine") for count in (1, 2, 3))
    Scan(tmp_path, tree / "a", small)
    Scan(tmp_path, tree, small)
    (tree / "b").write_text("changed")
    time.sleep(0.02)
    Scan(tmp_path, tree, medium)
    assert clean_before(tmp_path, tree, large) == (frozenset("ab"), [True, True])
    Scan(tmp_path, tree, small, ignore=True)  # as if somebody had gone back
    older, marks = clean_before(tmp_path, tree, large)
    assert (older, marks) == (frozenset("a"), [True, True])
