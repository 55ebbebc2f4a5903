"""The table of remembered verdicts against a dictionary, damage, other processes and sudden death."""

import multiprocessing
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import TrustError
from freehold.service.verdicts import table
from freehold.service.verdicts.table import KEY, PACK_KEY, PACK_REST, Table, open_table
from freehold.service.verdicts.writing import Addition, add

SYSTEM = b"a system"
GENERATION = b"generati"
PLACES = st.integers(1, 60)
STATES = st.integers(0, 3)


def key(inode: int, state: int = 0) -> bytes:
    return PACK_KEY(SYSTEM, inode, 100, 200, state)


def record(inode: int, state: int = 0, kind: int = 0, day: int = 1, sha256: bytes = bytes(32)) -> bytes:
    return key(inode, state) + PACK_REST(GENERATION, kind, day, 0, sha256)


def addition(*records: bytes, types: tuple[str, ...] = ("",)) -> Addition:
    return Addition(b"".join(records), list(types), {GENERATION: [["segment"], "examiner"]})


def opened(folder: Path) -> Table:
    found = open_table(folder)
    assert found is not None
    return found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(PLACES, STATES, max_size=30), min_size=1, max_size=5))
def test_finds_what_a_dictionary_finds(rounds: list[dict[int, int]]) -> None:
    truth: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for states in rounds:
            add(folder, addition(*(record(inode, state, day=state) for inode, state in states.items())))
            truth |= states
        found = opened(folder)
        assert found.records == len(truth)
        for inode in range(1, 70):
            for state in range(4):
                assert bool(found.find(key(inode, state))) is (truth.get(inode) == state)


def test_keeps_types_and_digests(tmp_path: Path) -> None:
    add(tmp_path, addition(record(1, kind=1), types=("", "pe")))
    add(tmp_path, addition(record(2, kind=1, sha256=b"\x11" * 32), record(3, kind=2), types=("", "elf", "pe")))
    found = opened(tmp_path)
    assert [found.types[found.file_type(found.find(key(inode)))] for inode in (1, 2, 3)] == ["pe", "elf", "pe"]
    assert [found.sha256(found.find(key(inode))) for inode in (1, 2)] == ["", "11" * 32]
    assert found.generation(found.find(key(1))) == GENERATION
    assert found.generations == {GENERATION: [["segment"], "examiner"]}


def test_grows(tmp_path: Path) -> None:
    add(tmp_path, addition(*map(record, range(10))))
    small = (tmp_path / "verdicts").stat().st_size
    add(tmp_path, addition(*map(record, range(10, 6_000))))
    found = opened(tmp_path)
    assert found.records == 6_000
    assert all(found.find(key(inode)) for inode in range(6_000))
    assert (tmp_path / "verdicts").stat().st_size > small


def test_drops_the_oldest_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_SLOTS", table.FEWEST_SLOTS)
    for day in range(1, 13):
        add(tmp_path, addition(*(record(1_000 * day + number, day=day) for number in range(500))))
    found = opened(tmp_path)
    assert found.slots == table.FEWEST_SLOTS
    assert found.records < found.slots
    assert all(found.find(key(12_000 + number)) for number in range(500))
    assert not any(found.find(key(1_000 + number)) for number in range(500))


def test_no_damage_makes_a_file_known(tmp_path: Path) -> None:
    add(tmp_path, addition(*map(record, range(1, 2_000))))
    file = tmp_path / "verdicts"
    whole = file.read_bytes()
    rng = random.Random(5)
    noticed = 0
    for _ in range(150):
        damaged = bytearray(whole)
        at = rng.choice([rng.randrange(300), rng.randrange(len(whole))])
        damaged[at] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        try:
            found = opened(tmp_path)
            for inode in range(1, 4_000):
                if found.find(key(inode)):
                    assert inode < 2_000
                assert not found.find(key(inode, 1))
        except TrustError:
            noticed += 1
    assert noticed > 100  # the rest hit what nobody reads: filling, and blocks that nothing was looked for in
    file.write_bytes(whole)
    assert opened(tmp_path).find(key(1))


@pytest.mark.parametrize("kept", [0, 1, 30, 500, 5_000, 100_000, -1])
def test_a_truncated_table_is_refused_and_begun_anew(tmp_path: Path, kept: int) -> None:
    add(tmp_path, addition(*map(record, range(1, 100))))
    file = tmp_path / "verdicts"
    os.truncate(file, kept if kept >= 0 else file.stat().st_size - 1)
    with pytest.raises(TrustError):
        open_table(tmp_path)
    add(tmp_path, addition(record(7)))
    assert opened(tmp_path).find(key(7))
    assert not opened(tmp_path).find(key(8))


def test_a_record_that_was_put_in_by_hand_is_noticed(tmp_path: Path) -> None:
    add(tmp_path, addition(record(1)))
    file = tmp_path / "verdicts"
    content = file.read_bytes()
    file.write_bytes(content.replace(key(1)[:KEY], key(1, 3)[:KEY]))
    with pytest.raises(TrustError, match="damaged"):
        opened(tmp_path).find(key(1, 3))


def test_a_table_that_others_may_use_is_refused(tmp_path: Path) -> None:
    add(tmp_path, addition(record(1)))
    file = tmp_path / "verdicts"
    assert file.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o602, 0o777):
        file.chmod(mode)
        with pytest.raises(TrustError, match="somebody else"):
            open_table(tmp_path)
    file.chmod(0o600)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to("elsewhere")
    with pytest.raises(TrustError):
        open_table(tmp_path)
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(TrustError):
        open_table(tmp_path)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_table_of_somebody_else_is_refused(tmp_path: Path) -> None:
    add(tmp_path, addition(record(1)))
    os.chown(tmp_path / "verdicts", 65534, 65534)
    with pytest.raises(TrustError, match="somebody else"):
        open_table(tmp_path)


def _add_many(folder: Path, first: int) -> None:
    for number in range(10):
        add(folder, addition(record(first + number)))


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_processes_add_to_what_others_left(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_add_many, args=(tmp_path, 100 * number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    found = opened(tmp_path)
    assert found.records == 40
    assert all(found.find(key(100 * process + number)) for process in range(4) for number in range(10))


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_sudden_death_leaves_the_old_table_or_the_new_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    rng = random.Random(3)
    add(tmp_path, addition(record(1)))
    for _ in range(30):
        process = context.Process(target=_add_many, args=(tmp_path, 1_000))
        process.start()
        time.sleep(rng.uniform(0, 0.03))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        found = opened(tmp_path)
        assert found.find(key(1))
        assert found.records == 1 + sum(bool(found.find(key(1_000 + number))) for number in range(10))
    add(tmp_path, addition(record(2)))
    assert {path.name for path in tmp_path.iterdir()} == {"verdicts", "verdicts.lock"}


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    import resource

    add(tmp_path, addition(record(1)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            add(tmp_path, addition(record(2)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert opened(tmp_path).find(key(1))
    assert {path.name for path in tmp_path.iterdir()} == {"verdicts", "verdicts.lock"}
