"""Taking and putting back: what comes back is what went, and nothing else is touched."""

import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.responses.quarantine.conftest import MARKER, fingerprint, needs_tools, read_quietly

from freehold.model.errors import TrustError
from freehold.model.report import Detection, Report
from freehold.responses.quarantine.errors import Refused
from freehold.responses.quarantine.item import Item
from freehold.responses.quarantine.restoring import Restorer
from freehold.responses.quarantine.settling import settled
from freehold.responses.quarantine.taking import take
from freehold.responses.quarantine.vault import ITEMS, Vault

REPORT = Report(detections=[Detection("Test.Marker", "bad", 0, 1, "marker.hdb:1")])

CAPABLE = bytes.fromhex("0100000200200000000000000000000000000000")
"""As setcap writes it: cap_net_raw, permitted and effective."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
    try:
        yield fd
    finally:
        os.close(fd)


def taken(vault: Vault, path: Path) -> Item:
    with opened(path) as fd:
        return take(vault, fd, bytes(path), REPORT, os.fstat(fd))


def put_back(vault: Vault, *items: Item, to: Path | None = None) -> list[bytes]:
    with Restorer(vault, items, to and bytes(to)) as restorer:
        return [restorer.restore(item) for item in items]


def extents(path: Path) -> list[tuple[int, int]]:
    """Where the file has data, by another tool than the one that is tested."""
    listing = subprocess.run(["filefrag", "-v", path], capture_output=True, check=True).stdout
    rows = re.findall(rb"^ *\d+: +(\d+)\.\. +(\d+):", listing, re.MULTILINE)
    data: list[tuple[int, int]] = []
    for first, last in rows:
        if data and data[-1][1] + 1 == int(first):  # neighbours on the disk or not, there is no hole between them
            data[-1] = (data[-1][0], int(last))
        else:
            data.append((int(first), int(last)))
    return data


names = st.binary(min_size=1, max_size=40).filter(
    lambda name: b"/" not in name and b"\0" not in name and name.strip(b".")
)
data = st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=5000)), max_size=4)
attributes = st.dictionaries(st.from_regex(r"user\.[a-z]{1,20}", fullmatch=True), st.binary(max_size=200), max_size=4)
times = st.integers(0, (1 << 32) * 10**9)
lists = st.lists(st.sampled_from(["u:1234:rwx", "g:4321:r", "u:1:-", "m::rx", "o::r"]), max_size=3, unique=True)


@needs_tools
@as_root
@settings(max_examples=40, deadline=None)
@given(names, data, st.integers(0, 1 << 18), attributes, lists, st.integers(0, 0o7777), st.booleans(), times, times)
def test_what_comes_back_is_what_went(
    name: bytes,
    data: list[tuple[int, bytes]],
    size: int,
    attributes: dict[str, bytes],
    lists: list[str],
    mode: int,
    capable: bool,
    atime: int,
    mtime: int,
) -> None:
    with tempfile.TemporaryDirectory() as top:
        path = Path(top, os.fsdecode(name))
        with path.open("wb") as file:
            for block, content in data:
                file.seek(block * 4096)
                file.write(content)
            file.truncate(max(size, file.seek(0, os.SEEK_END)))
            os.fsync(file.fileno())
        os.chown(path, 1234, 4321)
        path.chmod(mode)
        for key, value in attributes.items():
            os.setxattr(path, key, value)
        if lists:
            subprocess.run(["setfacl", "-m", ",".join(lists), "--", path], check=True)
        if capable:
            os.setxattr(path, "security.capability", CAPABLE)
        os.utime(path, ns=(atime, mtime))
        before, content, holes = fingerprint(path), read_quietly(path), extents(path)
        with tempfile.TemporaryDirectory() as beside:
            vault = Vault(Path(beside, "vault"))
            item = taken(vault, path)
            assert not list(Path(top).iterdir())
            assert put_back(vault, item) == [bytes(path)]
            assert [bytes(found) for found in Path(top).iterdir()] == [bytes(path)]
        assert fingerprint(path) == before
        assert extents(path) == holes
        assert read_quietly(path) == content


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "bad"
    path.parent.mkdir()
    path.write_bytes(MARKER)
    return path


def refusal(vault: Vault, path: Path) -> str:
    with pytest.raises(Refused) as caught:
        taken(vault, path)
    assert read_quietly(path) == MARKER
    if vault.exists():
        with settled(vault):
            assert not vault.identifiers(ITEMS)
    return str(caught.value)


def test_the_vault_shows_nothing_of_the_content_and_is_closed_to_others(vault: Vault, bad: Path) -> None:
    taken(vault, bad)
    for path in vault.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
        if path.is_file():
            assert MARKER[:20] not in path.read_bytes()
            assert b"bad" not in path.read_bytes()


def test_names_of_one_file_are_names_of_one_file_again(vault: Vault, bad: Path) -> None:
    other = bad.with_name("other")
    other.hardlink_to(bad)
    items = [taken(vault, bad), taken(vault, other)]
    put_back(vault, *items)
    assert bad.samefile(other)
    assert bad.stat().st_nlink == 2


def test_nothing_is_overwritten(vault: Vault, bad: Path) -> None:
    item = taken(vault, bad)
    bad.write_bytes(b"something new")
    with pytest.raises(Refused, match="exists and is not overwritten"):
        put_back(vault, item)
    assert bad.read_bytes() == b"something new"
    elsewhere = bad.parent / "elsewhere"
    elsewhere.mkdir()
    assert put_back(vault, item, to=elsewhere) == [bytes(elsewhere / "bad")]
    assert (elsewhere / "bad").read_bytes() == MARKER


def test_a_file_that_changed_after_its_examination_is_left_alone(vault: Vault, bad: Path) -> None:
    with opened(bad) as fd:
        status = os.fstat(fd)
        bad.write_bytes(MARKER + b"and more")
        with pytest.raises(Refused, match="changed since it was examined"):
            take(vault, fd, bytes(bad), REPORT, status)
    assert bad.read_bytes() == MARKER + b"and more"


def test_a_file_that_took_its_place_is_left_alone(vault: Vault, bad: Path) -> None:
    with opened(bad) as fd:
        bad.unlink()
        bad.write_bytes(b"innocent")
        with pytest.raises(Refused, match=r"moved, replaced or removed|does not exist"):
            take(vault, fd, bytes(bad), REPORT)
    assert bad.read_bytes() == b"innocent"


def test_a_link_swapped_in_leads_nowhere(vault: Vault, bad: Path) -> None:
    """As CVE-2020-3350: the folder of a file that was found becomes a link to another one."""
    victim = bad.parent.parent / "victim"
    victim.mkdir()
    (victim / "bad").write_bytes(MARKER)
    with opened(bad) as fd:
        bad.parent.rename(bad.parent.with_name("moved"))
        bad.parent.symlink_to(victim)
        item = take(vault, fd, bytes(bad), REPORT)
    assert (victim / "bad").read_bytes() == MARKER
    assert item.path == bytes(bad.parent.parent / "moved" / "bad")
    item = taken(vault, victim / "bad")
    victim.rename(victim.with_name("other"))
    victim.symlink_to(bad.parent.parent / "moved")
    with pytest.raises(Refused, match="symbolic link"):
        put_back(vault, item)


def swap(folder: Path, running: "multiprocessing.synchronize.Event") -> None:
    """Exchange two files of one folder all the time."""
    while running.is_set():
        (folder / "bad").rename(folder / "third")
        (folder / "innocent").rename(folder / "bad")
        (folder / "third").rename(folder / "innocent")


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_names_that_are_swapped_all_the_time_never_cost_the_other_file(vault: Vault, bad: Path) -> None:
    innocent = bad.with_name("innocent")
    innocent.write_bytes(b"innocent")
    fork = multiprocessing.get_context("fork")
    running = fork.Event()
    running.set()
    swapper = fork.Process(target=swap, args=(bad.parent, running))
    with opened(bad) as fd:
        swapper.start()
        try:
            for _ in range(40):
                try:
                    take(vault, fd, bytes(bad), REPORT)
                    break
                except Refused:
                    continue
        finally:
            running.clear()
            swapper.join()
    left = [path.read_bytes() for path in bad.parent.iterdir()]
    assert b"innocent" in left
    with settled(vault):
        assert len(vault.identifiers(ITEMS)) + left.count(MARKER) == 1


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_two_at_once_take_a_file_once(vault: Vault, bad: Path) -> None:
    fork = multiprocessing.get_context("fork")

    def attempt() -> None:
        try:
            taken(vault, bad)
        except (Refused, FileNotFoundError):
            return

    processes = [fork.Process(target=attempt) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert not bad.exists()
    with settled(vault):
        assert len(vault.identifiers(ITEMS)) == 1


@as_root
@pytest.mark.skipif(not shutil.which("chattr"), reason="chattr is not installed")
@pytest.mark.parametrize(("flag", "on_folder"), [("i", False), ("a", False), ("i", True)])
def test_protected_files_are_told_with_what_to_do(vault: Vault, bad: Path, flag: str, on_folder: bool) -> None:
    target = bad.parent if on_folder else bad
    if subprocess.run(["chattr", f"+{flag}", target], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no such flags")
    try:
        assert f"chattr -{flag}" in refusal(vault, bad)
    finally:
        subprocess.run(["chattr", f"-{flag}", target], check=True)


@contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@as_root
def test_a_vault_that_is_full_refuses_and_loses_nothing(vault: Vault, bad: Path) -> None:
    bad.write_bytes(os.urandom(300_000))
    content = bad.read_bytes()
    with mounted(vault.root.parent / "small", "size=200k,mode=700"):
        small = Vault(vault.root.parent / "small" / "vault")
        with pytest.raises(Refused, match="make room"):
            taken(small, bad)
        assert bad.read_bytes() == content


@as_root
def test_a_folder_that_is_full_refuses_a_restore_and_loses_nothing(vault: Vault, bad: Path) -> None:
    content = os.urandom(300_000)
    bad.write_bytes(content)
    item = taken(vault, bad)
    with mounted(bad.parent.parent / "small", "size=100k"):
        with pytest.raises(Refused, match="make room"):
            put_back(vault, item, to=bad.parent.parent / "small")
        assert not list((bad.parent.parent / "small").iterdir())
    put_back(vault, item)
    assert bad.read_bytes() == content


@as_root
def test_other_file_systems_are_crossed_and_read_only_ones_told(vault: Vault, bad: Path) -> None:
    other = bad.parent.parent / "other"
    with mounted(other, "size=1m"):
        (other / "bad").write_bytes(MARKER)
        put_back(vault, taken(vault, other / "bad"))
        subprocess.run(["mount", "-o", "remount,ro", other], check=True)
        assert "read-only" in refusal(vault, other / "bad")


@as_root
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize(("owner", "capable"), [(1234, False), (65534, True)])
def test_a_user_takes_only_what_he_could_put_back(owner: int, capable: bool) -> None:
    with tempfile.TemporaryDirectory() as top:
        os.chown(top, 65534, 65534)
        path = Path(top, "bad")
        path.write_bytes(MARKER)
        os.chown(path, owner, 65534)
        path.chmod(0o644)
        if capable:
            os.setxattr(path, "security.capability", CAPABLE)

        def attempt() -> None:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            fd = os.open(path, os.O_RDONLY)
            with pytest.raises(Refused, match="scan as root"):
                take(Vault(Path(top, "vault")), fd, bytes(path), REPORT)

        process = multiprocessing.get_context("fork").Process(target=attempt)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert path.read_bytes() == MARKER


@pytest.mark.parametrize("place", [0, 40, 60, -1])
def test_changed_content_is_not_put_back(vault: Vault, bad: Path, place: int) -> None:
    item = taken(vault, bad)
    content = vault.root / "items" / item.identifier / "content"
    changed = bytearray(content.read_bytes())
    changed[place] ^= 1
    content.write_bytes(changed)
    with pytest.raises(TrustError):
        put_back(vault, item)
    assert not bad.exists()
    with settled(vault):
        assert vault.identifiers(ITEMS) == [item.identifier]


def test_content_of_another_item_is_not_put_back(vault: Vault, bad: Path) -> None:
    one = taken(vault, bad)
    bad.write_bytes(b"another")
    other = taken(vault, bad)
    folder = vault.root / "items"
    shutil.copy(folder / other.identifier / "content", folder / one.identifier / "content")
    with pytest.raises(TrustError):
        put_back(vault, one)


def test_a_vault_that_others_can_enter_is_none(vault: Vault, bad: Path) -> None:
    vault.root.mkdir(mode=0o755)
    with pytest.raises(TrustError, match="chmod 700"):
        taken(vault, bad)
    assert bad.exists()


def test_without_the_key_nothing_is_taken_under_another_one(vault: Vault, bad: Path) -> None:
    taken(vault, bad)
    (vault.root / "key").unlink()
    bad.write_bytes(MARKER)
    with pytest.raises(TrustError, match="is missing"):
        taken(Vault(vault.root), bad)
    assert bad.read_bytes() == MARKER


@needs_tools
def test_a_list_that_a_folder_hands_down_does_not_change_what_comes_back(vault: Vault, bad: Path) -> None:
    before = fingerprint(bad)
    item = taken(vault, bad)
    subprocess.run(["setfacl", "-d", "-m", "u:1234:rwx", bad.parent], check=True)
    put_back(vault, item)
    assert fingerprint(bad) == before
