import pytest
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

SECTOR = 512


def mbr(*rows: tuple[int, int, int]) -> bytes:
    table = b"".join(
        bytes([0, 0, 0, 0, kind, 0, 0, 0]) + first.to_bytes(4, "little") + count.to_bytes(4, "little")
        for kind, first, count in rows
    )
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def marked(disk: bytearray, sector: int) -> bytes:
    content = b"content of sector %d " % sector * 20
    disk[sector * SECTOR : sector * SECTOR + len(content)] = content
    return content


@pytest.mark.parametrize("label", ["dos", "gpt"])
def test_partitions_of_sfdisk_are_slices(label, run, tmp_path):
    run(f"truncate -s 4M out; printf 'start=2048,size=1000\nstart=4096,size=2000\n' | sfdisk -q -X {label} out")
    disk = bytearray((tmp_path / "out").read_bytes())
    contents = [marked(disk, sector) for sector in (2048, 4096)]
    opened = open_one({"dos": "mbr", "gpt": "gpt"}[label], bytes(disk))
    assert [len(content) for content in opened.contents] == [1000 * SECTOR, 2000 * SECTOR]
    assert all(got.startswith(content) for got, content in zip(opened.contents, contents, strict=True))
    assert opened.collector.problems == []
    assert opened.collector.facts == {"partitions": 2}


def test_copy_of_the_table_at_the_end_is_read_too(run, tmp_path):
    run("truncate -s 4M out; printf 'start=2048,size=1000\n' | sfdisk -q -X gpt out")
    disk = bytearray((tmp_path / "out").read_bytes())
    disk[SECTOR : 34 * SECTOR] = bytes(33 * SECTOR)
    content = marked(disk, 2048)
    assert any(got.startswith(content) for got in open_one("gpt", bytes(disk)).contents)


def test_overlap_is_reported_and_both_are_read():
    disk = bytearray(mbr((7, 8, 200), (7, 100, 150)).ljust(300 * SECTOR, b"\0"))
    opened = open_one("mbr", bytes(disk))
    assert [len(content) for content in opened.contents] == [200 * SECTOR, 150 * SECTOR]
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_loop_of_logical_partitions_ends():
    disk = bytearray(200 * SECTOR)
    disk[:SECTOR] = mbr((5, 10, 100))
    disk[10 * SECTOR : 11 * SECTOR] = mbr((7, 1, 5), (5, 0, 10))
    opened = open_one("mbr", bytes(disk))
    assert [len(content) for content in opened.contents] == [5 * SECTOR]
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_boot_code_and_gaps_are_the_rest():
    disk = bytearray(mbr((7, 8, 8)).ljust(32 * SECTOR, b"\0"))
    disk[:10] = b"boot code!"
    disk[20 * SECTOR : 20 * SECTOR + 40] = b"x" * 40
    assert open_one("mbr", bytes(disk)).names == ["partition-1", "rest", "rest"]


def test_boot_sector_without_its_disk_is_complete():
    opened = open_one("mbr", mbr((7, 2048, 100_000)))
    assert opened.members == []
    assert opened.collector.problems == []


def test_random_sector_with_the_mark_is_no_table():
    opened = open_one("mbr", b"\x11" * 510 + b"\x55\xaa" + bytes(100_000))
    assert opened.members == []
    assert opened.collector.problems == []


def test_partition_map_of_apple():
    disk = bytearray(100 * SECTOR)
    disk[:2] = b"ER"
    for number, (first, size, kind) in enumerate([(1, 63, b"Apple_partition_map"), (64, 20, b"Apple_HFS")], 1):
        entry = b"PM\0\0" + (2).to_bytes(4, "big") + first.to_bytes(4, "big") + size.to_bytes(4, "big")
        entry += b"disk".ljust(32, b"\0") + kind.ljust(32, b"\0")
        disk[number * SECTOR : number * SECTOR + len(entry)] = entry
    content = marked(disk, 64)
    opened = open_one("apm", bytes(disk))
    assert opened.names == ["disk"]
    assert opened.contents[0].startswith(content)
