"""Logs of static files: ours, and one that another program has made."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.updates.tlog import notes, tiles
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey
from freehold.updates.tlog.merkle import CompactRange, leaf_hash, verify_consistency, verify_inclusion
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.writing import PENDING, Log

KEY = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes(32))
TESSERA = Path(os.environ.get("FREEHOLD_TESSERA", os.devnull))


def reader(folder: Path) -> tiles.Read:
    return lambda path: (folder / path).read_bytes() if (folder / path).is_file() else None


def size_and_root(note: Note) -> tuple[int, bytes]:
    checkpoint = Checkpoint.parse(note.text)
    return checkpoint.size, checkpoint.root


def test_paths_are_those_of_the_specification() -> None:
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(1, 0, 17) == "tile/1/000.p/17"
    assert tiles.tile_path(63, 1000) == "tile/63/x001/000"
    assert tiles.entries_path(273, 112) == "tile/entries/273.p/112"


def test_tiles_of_a_tree_are_those_that_the_specification_counts(tmp_path: Path) -> None:
    Log(tmp_path, KEY).append([b"%d" % number for number in range(70_000)])
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    # "273 full level 0 tiles, one partial level 0 tile of width 112, one full level 1 tile, one partial level 1 tile
    # of width 17, and one partial level 2 tile of width 1"
    expected = {f"tile/0/{number:03d}" for number in range(273)} | {"tile/0/273.p/112", "tile/1/000"}
    expected |= {"tile/1/001.p/17", "tile/2/000.p/1"}
    expected |= {f"tile/entries/{number:03d}" for number in range(273)} | {"tile/entries/273.p/112", PENDING}
    assert found == expected


def test_what_was_appended_can_be_read_and_proved(tmp_path: Path) -> None:
    log = Log(tmp_path, KEY)
    entries = [b"entry %d" % number for number in range(600)]
    heads = {}
    at = 0
    for step in (1, 1, 5, 248, 1, 1, 255, 88):
        note = log.append(entries[at : at + step])
        log.publish(note)
        at += step
        heads[at] = size_and_root(note)
        assert heads[at] == (at, CompactRange().extend(map(leaf_hash, entries[:at])).root)
        assert notes.verify(Note.parse((tmp_path / "checkpoint").read_bytes()), KEY.verifier)
    read = reader(tmp_path)
    assert list(tiles.entries(read, 0, 600, 600)) == entries
    assert list(tiles.entries(read, 250, 260, 600)) == entries[250:260]
    for size, root in heads.values():  # every tree that was published can still be read as it was then
        assert list(tiles.hashes(read, 0, size, size)) == [leaf_hash(entry) for entry in entries[:size]]
        verify_consistency(size, 600, root, heads[600][1], log.consistency(size))
    for index in (0, 255, 256, 599):
        verify_inclusion(index, 600, leaf_hash(entries[index]), log.inclusion(index), heads[600][1])


def test_a_head_that_was_signed_is_never_forgotten(tmp_path: Path) -> None:
    first = Log(tmp_path, KEY).append([b"a"])
    assert not (tmp_path / "checkpoint").exists()
    assert Log(tmp_path, KEY).head() == first  # as after a crash before it was published
    second = Log(tmp_path, KEY).append([b"b"])
    assert size_and_root(second) == (2, CompactRange().extend([leaf_hash(b"a"), leaf_hash(b"b")]).root)
    with pytest.raises(MalformedInput, match="signed last"):
        Log(tmp_path, KEY).publish(first)
    Log(tmp_path, KEY).publish(second)
    assert Log(tmp_path, KEY).head() == second
    assert not (tmp_path / PENDING).exists()


def test_what_a_crash_left_of_a_head_that_was_never_signed_is_written_over(tmp_path: Path) -> None:
    log = Log(tmp_path, KEY)
    log.publish(log.append([b"a"]))
    log.append([b"lost"])
    (tmp_path / PENDING).unlink()  # the crash came before the head was on the disk
    note = log.append([b"b"])
    assert list(tiles.entries(reader(tmp_path), 0, 2, 2)) == [b"a", b"b"]
    assert size_and_root(note)[1] == CompactRange().extend([leaf_hash(b"a"), leaf_hash(b"b")]).root


def test_an_empty_log_says_so(tmp_path: Path) -> None:
    log = Log(tmp_path / "new", KEY)
    assert log.size() == 0
    with pytest.raises(UsageError, match="no entries yet"):
        log.head()


def test_a_damaged_log_is_not_continued(tmp_path: Path) -> None:
    log = Log(tmp_path, KEY)
    log.append([b"a", b"b"])
    tile = tmp_path / "tile/0/000.p/2"
    tile.write_bytes(tile.read_bytes()[:32] + bytes(32))
    with pytest.raises(TrustError, match="do not lead to the head"):
        log.append([b"c"])
    tile.unlink()
    with pytest.raises(MalformedInput, match=r"no tile/0/000\.p/2"):
        log.append([b"c"])
    with pytest.raises(TrustError, match="not signed by"):
        Log(tmp_path, SigningKey.of_seed("example.com/log", Kind.NOTE, bytes([1]) * 32)).append([b"c"])


def test_a_lying_mirror_is_found_out(tmp_path: Path) -> None:
    Log(tmp_path, KEY).append([b"a", b"b"])
    bundle = tmp_path / "tile/entries/000.p/2"
    bundle.write_bytes(tiles.pack([b"a", b"x"]))
    with pytest.raises(TrustError, match="entry 1"):
        list(tiles.entries(reader(tmp_path), 0, 2, 2))
    bundle.write_bytes(tiles.pack([b"a"]))
    with pytest.raises(MalformedInput, match="1 of 2"):
        list(tiles.entries(reader(tmp_path), 0, 2, 2))
    (tmp_path / "tile/0/000.p/2").write_bytes(bytes(96))
    with pytest.raises(MalformedInput, match="has 96 bytes"):
        list(tiles.hashes(reader(tmp_path), 0, 2, 2))


@given(st.lists(st.binary(max_size=300), max_size=256))
@settings(max_examples=50)
def test_every_bundle_comes_back(entries: list[bytes]) -> None:
    assert tiles.unpack(tiles.pack(entries)) == entries


@pytest.mark.parametrize("data", [b"\0", b"\0\5abc", b"\0\0" * 257, b"\0\1a\0"])
def test_damaged_bundles_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        tiles.unpack(data)


def test_an_entry_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="65535"):
        Log(tmp_path, KEY).append([bytes(65536)])


@pytest.mark.skipif(
    not TESSERA.is_dir(), reason="FREEHOLD_TESSERA does not name the folder testdata of transparency-dev/tessera"
)
def test_a_log_that_tessera_has_made() -> None:
    key = VerifierKey.parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
    read = reader(TESSERA / "log")
    tree = CompactRange()
    for size in range(16):
        note = Note.parse((TESSERA / "log" / f"checkpoint.{size}").read_bytes())
        assert notes.verify(note, key)
        tree = tree.extend(tiles.hashes(read, tree.size, size, size))
        assert size_and_root(note) == (size, tree.root)
    assert list(tiles.entries(read, 0, 3, 15)) == [b"one", b"two", b"three"]
