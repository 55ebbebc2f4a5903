"""Disk images of macOS: what dmg2img makes of them is what comes out."""

import pytest
from tests.formats import udif
from tests.formats.driver import open_one

from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.view import BytesView


@pytest.fixture
def disk(tmp_path, run):
    """A FAT file system with two files in it."""
    (tmp_path / "a.txt").write_bytes(b"All work and no play makes Jack a dull boy.\n" * 500)
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 60)
    run("mkfs.fat -C -i 12345678 disk 1440 && mcopy -i disk a.txt b.bin ::")
    return (tmp_path / "disk").read_bytes()


@pytest.mark.parametrize("kind", [udif.ZLIB, udif.BZIP2, udif.XZ, udif.RAW], ids=["zlib", "bzip2", "xz", "raw"])
def test_partition_comes_out_as_it_was(disk, kind):
    opened = open_one("dmg", udif.dmg(disk, kind))
    assert disk in opened.contents
    assert opened.collector.problems == []


@pytest.mark.parametrize("kind", [udif.ZLIB, udif.BZIP2], ids=["zlib", "bzip2"])
def test_dmg2img_sees_the_same(disk, kind, tmp_path, run):
    (tmp_path / "image.dmg").write_bytes(udif.dmg(disk, kind))
    run("dmg2img image.dmg theirs")
    assert (tmp_path / "theirs").read_bytes() == disk
    assert disk in open_one("dmg", udif.dmg(disk, kind)).contents


def test_files_in_the_file_system_of_an_image_are_reached(disk):
    report = Engine([]).examine(BytesView(udif.dmg(disk)), "image.dmg", Limits(), tree=True)
    names = " ".join(node.artifact for node in report.nodes)
    assert "a.txt" in names.lower()
    assert "b.bin" in names.lower()
    assert report.problems == []
