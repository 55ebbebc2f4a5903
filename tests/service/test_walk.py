"""The walk from named paths to open descriptors, on real trees with everything that a file system can hold."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.report import ProblemKind
from freehold.service.entry import Entry
from freehold.service.walk import DEEPEST_FOLDER, LISTING_CHUNK, LeftOut, Walk, WalkOptions, spool

NOBODY = 65534


def entries(*paths: Path | bytes, walk: Walk | None = None, **options: object) -> list[Entry]:
    walk = walk or Walk(WalkOptions(**options))
    found = list(walk.entries(os.fsencode(path) for path in paths))
    for entry in found:
        if entry.fd is not None:
            os.close(entry.fd)
    return found


def names(found: list[Entry], top: Path) -> list[str]:
    return [os.fsdecode(entry.path)[len(str(top)) + 1 :] for entry in found]


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """An empty folder that everybody may enter, and the rights of somebody who is not root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        root = os.geteuid() == 0
        yield Path(folder)
        if root:
            os.seteuid(0)


def become_nobody() -> None:
    if os.geteuid() == 0:
        os.seteuid(NOBODY)


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_yields_every_file_in_order_with_its_content(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    contents = []
    for entry in Walk(WalkOptions()).entries([bytes(tmp_path)]):
        assert entry.fd is not None
        assert entry.size == os.fstat(entry.fd).st_size
        contents.append(os.read(entry.fd, 100).decode())
        os.close(entry.fd)
    assert contents == ["a", "b/1", "b/2", "c/d/e"]


def test_finds_what_find_finds() -> None:
    top = Path("/usr/share/doc")
    expected = subprocess.run(["find", top, "-type", "f", "-print0"], capture_output=True, check=True).stdout
    found = entries(top)
    assert sorted(entry.path for entry in found) == sorted(expected.split(b"\0")[:-1])
    assert list(Walk(WalkOptions()).count([bytes(top)]))[-1] == len(found)


def test_names_of_any_bytes_survive(tmp_path: Path) -> None:
    odd = [b"line\nbreak", b"\x1b[31mred", b"\xff\xfe", "ünï".encode(), b" ", b"-rf", b"x" * 255]
    for name in odd:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    assert {entry.path.rpartition(b"/")[2] for entry in entries(tmp_path)} == set(odd)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda n: not set(n) & {0, 47} and n not in {b".", b".."})))
def test_any_names_come_back_once_each(listed: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in listed:
            os.close(os.open(os.fsencode(folder) + b"/" + name, os.O_CREAT | os.O_WRONLY))
        found = [entry.path.rpartition(b"/")[2] for entry in entries(Path(folder))]
    assert len(found) == len(set(found))
    assert set(found) == set(listed)


def test_passes_special_files_and_links_by(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder-link").symlink_to("/usr")
    (tmp_path / "dangling").symlink_to("nowhere")
    walk = Walk(WalkOptions())
    assert names(entries(tmp_path, walk=walk), tmp_path) == ["file"]
    assert walk.left_out == {LeftOut.SPECIAL: 2, LeftOut.LINK: 3}


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="making a device needs root")
def test_passes_devices_by(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", 0o600 | 0o020000, os.makedev(1, 3))
    walk = Walk(WalkOptions())
    assert entries(tmp_path, walk=walk) == []
    assert walk.left_out == {LeftOut.SPECIAL: 1}


def test_what_the_user_names_and_cannot_be_examined_is_a_problem(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    found = entries(tmp_path / "missing", tmp_path / "fifo", b"nul\0byte", b"")
    assert [entry.problem and entry.problem.kind for entry in found] == [ProblemKind.UNREADABLE] * 4
    assert found[0].problem is not None
    assert (found[0].problem.artifact, found[0].problem.detail) == ("missing", "No such file or directory")


def test_a_link_that_the_user_names_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "link").symlink_to("real")
    assert names(entries(tmp_path / "link"), tmp_path) == ["link/file"]
    assert names(entries(tmp_path / "link" / "file"), tmp_path) == ["link/file"]


def test_followed_links_cannot_loop(tmp_path: Path) -> None:
    for one in "abcd":
        (tmp_path / one).mkdir()
        (tmp_path / one / "file").write_text("x")
        for other in "abcd":
            (tmp_path / one / f"to-{other}").symlink_to(tmp_path / other)
    (tmp_path / "self").symlink_to("self")
    found = entries(tmp_path, follow_symlinks=True)
    assert len(found) == 4
    assert {os.path.realpath(entry.path) for entry in found} == {bytes(tmp_path / one / "file") for one in "abcd"}


def test_followed_links_lead_to_files(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    assert names(entries(tmp_path / "inside", follow_symlinks=True), tmp_path) == ["inside/link"]


def test_hard_links_are_reported_by_every_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert names(entries(tmp_path), tmp_path) == ["a", "b"]


def test_denied_files_and_folders_are_problems(ordinary_user: Path) -> None:
    (ordinary_user / "closed").mkdir()
    (ordinary_user / "closed" / "inside").write_text("x")
    (ordinary_user / "file").write_text("x")
    (ordinary_user / "open").write_text("x")
    (ordinary_user / "closed").chmod(0)
    (ordinary_user / "file").chmod(0)
    become_nobody()
    found = entries(ordinary_user)
    assert names(found, ordinary_user) == ["closed", "file", "open"]
    assert [entry.problem and entry.problem.detail for entry in found] == ["Permission denied"] * 2 + [None]
    if os.geteuid() != NOBODY:
        (ordinary_user / "closed").chmod(0o700)


def test_files_that_vanish_are_problems(tmp_path: Path) -> None:
    for name in ("a", "b", "c/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    walk = Walk(WalkOptions()).entries([bytes(tmp_path)])
    first = next(walk)
    assert first.fd is not None
    os.close(first.fd)
    (tmp_path / "b").unlink()
    (tmp_path / "c" / "d").unlink()
    (tmp_path / "c").rmdir()
    rest = list(walk)
    assert names(rest, tmp_path) == ["b", "c"]
    assert all(entry.problem and entry.problem.kind is ProblemKind.UNREADABLE for entry in rest)


def test_a_file_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    walk = Walk(WalkOptions()).entries([bytes(tmp_path)])
    first = next(walk)
    assert first.fd is not None
    os.close(first.fd)
    (tmp_path / "b").unlink()
    (tmp_path / "b").symlink_to("/etc/passwd")
    (second,) = walk
    assert second.fd is None
    assert second.problem is not None


def test_a_folder_replaced_by_a_link_while_inside_does_not_lead_away(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("mine")
    (folder / "passwd").write_text("mine")
    walk = Walk(WalkOptions()).entries([bytes(tmp_path)])
    first = next(walk)
    folder.rename(tmp_path / "moved")
    folder.symlink_to("/etc")
    second = next(walk)
    contents = []
    for entry in (first, second):
        assert entry.fd is not None
        contents.append(os.read(entry.fd, 100))
        os.close(entry.fd)
    assert contents == [b"mine", b"mine"]


def test_a_deep_tree_ends_in_a_problem_and_leaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    fd = os.open(tmp_path / "top", os.O_RDONLY)
    for _ in range(DEEPEST_FOLDER + 5):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    before = open_descriptors()
    found = entries(tmp_path / "top")
    assert [entry.problem and entry.problem.kind for entry in found] == [ProblemKind.LIMIT]
    assert open_descriptors() == before
    subprocess.run(["rm", "-rf", tmp_path / "top"], check=True)


def test_a_walk_that_is_given_up_closes_its_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    before = open_descriptors()
    walk = Walk(WalkOptions()).entries([bytes(tmp_path)])
    entry = next(walk)
    assert entry.fd is not None
    os.close(entry.fd)
    walk.close()  # type: ignore[attr-defined]  # it is a generator
    assert open_descriptors() == before


def test_a_folder_larger_than_one_chunk_is_walked_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freehold.service.walk.LISTING_CHUNK", 10)
    assert LISTING_CHUNK > 10
    for number in range(35):
        (tmp_path / f"{number:02}").write_text("x")
    assert sorted(names(entries(tmp_path), tmp_path)) == [f"{number:02}" for number in range(35)]


def test_exclude_speaks_gitignore(tmp_path: Path) -> None:
    for name in ("a.log", "keep.log", "src/x.py", "src/build/y", "build/z", "deep/er/build/q", "\udcff.iso"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    walk = Walk(WalkOptions(exclude=("*.log", "!keep.log", "/build/", "src/build", "*.iso")))
    assert names(entries(tmp_path, walk=walk), tmp_path) == ["deep/er/build/q", "keep.log", "src/x.py"]
    assert walk.left_out == {LeftOut.EXCLUDED: 4}


def test_exclude_agrees_with_git(tmp_path: Path) -> None:
    patterns = ("*.o", "/top", "**/cache/", "a/**/z", "!b/keep.o", "[xy]?", "sp\\ ace")
    listed = ["x.o", "top", "q/top", "q/cache/f", "a/z", "a/b/c/z", "b/keep.o", "xx", "y1", "zz", "sp ace", "m/n/cache"]
    for name in listed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    with tempfile.TemporaryDirectory() as repository:
        ignore = Path(repository) / "ignore"
        ignore.write_text("".join(f"{pattern}\n" for pattern in patterns))
        git = ["git", f"--git-dir={repository}/git", f"--work-tree={tmp_path}"]
        subprocess.run([*git, "init", "-q"], check=True)
        shown = subprocess.run(
            [*git, "ls-files", "-o", "-z", f"--exclude-from={ignore}"], cwd=tmp_path, capture_output=True, check=True
        ).stdout
    expected = sorted(os.fsdecode(name) for name in shown.split(b"\0")[:-1])
    assert sorted(names(entries(tmp_path, exclude=patterns), tmp_path)) == expected


def test_a_file_that_the_user_names_is_never_excluded(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x")
    assert names(entries(tmp_path / "a.log", exclude=("*.log",)), tmp_path) == ["a.log"]


def test_larger_files_than_wished_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    (tmp_path / "small").write_bytes(b"x" * 10)
    large, small = entries(tmp_path, maximum_size=10)
    assert (large.size, large.problem and large.problem.kind) == (11, ProblemKind.LIMIT)
    assert small.problem is None


def test_virtual_file_systems_are_entered_only_when_named() -> None:
    walk = Walk(WalkOptions(exclude=("/*", "!/proc", "!/sys")))
    assert entries(Path("/"), walk=walk) == []
    assert walk.left_out[LeftOut.VIRTUAL] == 2
    assert [entry.path for entry in entries(Path("/proc/version"))] == [b"/proc/version"]
    assert b"/proc/sys/kernel/ostype" in {entry.path for entry in entries(Path("/proc/sys/kernel"))}


def test_one_file_system_stays_on_it() -> None:
    walk = Walk(WalkOptions(exclude=("/*", "!/proc", "!/dev"), one_file_system=True))
    assert entries(Path("/"), walk=walk) == []
    assert walk.left_out[LeftOut.OTHER] == 2


def test_access_times_stay_where_that_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    (entry,) = Walk(WalkOptions()).entries([bytes(tmp_path)])
    assert entry.fd is not None
    os.read(entry.fd, 1)
    os.close(entry.fd)
    assert file.stat().st_atime == 1_000_000_000


def test_files_of_others_are_opened_too(ordinary_user: Path) -> None:
    (ordinary_user / "a").write_text("x")
    (ordinary_user / "b").write_text("x")
    become_nobody()
    assert [entry.problem for entry in entries(ordinary_user)] == [None, None]


def test_spool_keeps_a_stream_in_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = bytes(range(256)) * 20_000
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        assert cat.stdin is not None
        assert cat.stdout is not None
        writer = os.fork()
        if writer == 0:
            cat.stdin.write(content)
            os._exit(0)
        cat.stdin.close()
        entry = spool(cat.stdout.fileno(), b"<stdin>")
        os.waitpid(writer, 0)
    assert entry.fd is not None
    assert entry.size == len(content)
    assert os.pread(entry.fd, entry.size + 1, 0) == content
    os.close(entry.fd)
    assert list(tmp_path.iterdir()) == []
