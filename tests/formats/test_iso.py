import struct

import pytest
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

SECTOR = 2048


def record(name: bytes, sector: int, size: int, *, directory: bool = False, big: int | None = None) -> bytes:
    places = struct.pack("<I", sector) + struct.pack(">I", sector if big is None else big)
    sizes = struct.pack("<I", size) + struct.pack(">I", size)
    raw = b"\0" + places + sizes + bytes(7) + bytes([2 * directory, 0, 0]) + bytes(4) + bytes([len(name)]) + name
    raw += bytes((len(raw) + 1) & 1)
    return bytes([len(raw) + 1]) + raw


def directory(at: int, *entries: bytes) -> bytes:
    own = record(b"\0", at, SECTOR, directory=True) + record(b"\1", at, SECTOR, directory=True)
    return (own + b"".join(entries)).ljust(SECTOR, b"\0")


def descriptor(kind: int, root: int, *, table: int = 0) -> bytes:
    raw = bytearray(SECTOR)
    raw[:7] = bytes([kind]) + b"CD001\1"
    raw[128:132] = struct.pack("<H", SECTOR) + struct.pack(">H", SECTOR)
    raw[132:136] = struct.pack("<I", 10 if table else 0)
    raw[140:144] = struct.pack("<I", table)
    raw[156:190] = record(b"\0", root, SECTOR, directory=True).ljust(34, b"\0")
    if kind == 2:
        raw[88:91] = b"%/E"
    return bytes(raw)


def disc(*sectors: bytes) -> bytes:
    return bytes(16 * SECTOR) + b"".join(sector.ljust(SECTOR, b"\0") for sector in sectors)


END = b"\xffCD001\1"


@pytest.mark.parametrize("options", ["-J -R", "-R", "-J", "", "-J -R -udf", "-iso-level 4 -R"])
def test_files_of_genisoimage_are_what_was_put_in(options, tree, run, tmp_path):
    run(f"genisoimage -quiet -f {options} -o out tree")
    opened = open_one("iso", (tmp_path / "out").read_bytes())
    assert set(opened.contents) >= set(tree.values())
    assert opened.collector.problems == []


def test_files_of_xorriso_have_their_long_names(tree, run, tmp_path):
    run("xorriso -as mkisofs -quiet -R -J -o out tree")
    opened = open_one("iso", (tmp_path / "out").read_bytes())
    assert (
        dict(opened.members).items() >= {name.removeprefix("tree/"): content for name, content in tree.items()}.items()
    )


def test_boot_image_without_a_name_is_found(run, tmp_path, tree):
    (tmp_path / "boot.img").write_bytes(b"boot code " * 400)
    run("cp boot.img tree/hidden.img; genisoimage -quiet -b hidden.img -no-emul-boot -hide hidden.img -o out tree")
    opened = open_one("iso", (tmp_path / "out").read_bytes())
    assert any(content.startswith(b"boot code " * 400) for content in opened.contents)


def test_file_that_only_the_primary_tree_shows_is_found_beside_joliet():
    sectors = [
        descriptor(1, 19),
        descriptor(2, 20),
        END,
        directory(19, record(b"A.EXE;1", 21, 5)),
        directory(20),
        b"hello",
    ]
    opened = open_one("iso", disc(*sectors))
    assert opened.members == [("A.EXE", b"hello")]


def test_directory_that_only_the_path_table_shows_is_found():
    table = struct.pack("<BBIH", 1, 0, 21, 1) + b"X\0"
    sectors = [
        descriptor(1, 19, table=20),
        END,
        b"",
        directory(19),
        table,
        directory(21, record(b"F", 22, 6)),
        b"hidden",
    ]
    assert open_one("iso", disc(*sectors)).contents == [b"hidden"]


def test_both_byte_orders_are_believed():
    sectors = [descriptor(1, 18), END, directory(18, record(b"F", 19, 5, big=20)), b"first", b"other"]
    assert set(open_one("iso", disc(*sectors)).contents) == {b"first", b"other"}


def test_loop_of_directories_ends():
    inner = record(b"D", 18, SECTOR, directory=True)
    assert open_one("iso", disc(descriptor(1, 18), END, directory(18, inner))).members == []


def test_what_no_tree_shows_is_the_rest():
    opened = open_one("iso", disc(descriptor(1, 18), END, directory(18), b"nobody knows me " * 20))
    assert [name for name, _ in opened.members] == ["rest"]
    assert opened.contents[0].startswith(b"nobody knows me ")


def test_session_that_no_descriptor_leads_to_is_found():
    second = [descriptor(1, 21), END, directory(21, record(b"OLD", 22, 7)), b"earlier"]
    opened = open_one("iso", disc(descriptor(1, 18), END, directory(18), *second))
    assert b"earlier" in opened.contents


def test_file_beyond_the_end_is_clipped():
    opened = open_one("iso", disc(descriptor(1, 18), END, directory(18, record(b"F", 19, 90_000)), b"first"))
    assert opened.kinds == {ProblemKind.TRUNCATED}
    assert opened.contents[0].startswith(b"first")
