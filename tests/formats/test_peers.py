"""What other unpackers extract from archives of real tools is what Freehold extracts, hash for hash."""

import hashlib
import random
from pathlib import Path

import pytest
from tests.formats.driver import Opened, open_one

from freehold.engine.identify import identify
from freehold.model.view import BytesView

BY_7Z = "mkdir out; 7z x -y -oout made >/dev/null"
BY_BSDTAR = "bsdtar -xf made -C out"

MADE = [
    *((f"tar --format={form} -cf made tree", BY_BSDTAR) for form in ("v7", "ustar", "pax", "gnu", "oldgnu")),
    ("tar --format=gnu --sparse -cf made tree", BY_BSDTAR),
    ("tar --format=pax --sparse -cf made tree", BY_BSDTAR),
    ("bsdtar --format shar -cf /dev/null tree; bsdtar --format gnutar -cf made tree", BY_7Z),
    *((f"find tree | cpio --quiet -o -H {form} > made", BY_BSDTAR) for form in ("bin", "odc", "newc", "crc")),
    ("zip -qr made.zip tree; mv made.zip made", BY_7Z),
    ("zip -q -Z bzip2 -r made.zip tree; mv made.zip made", BY_7Z),
    *(
        (f"7z a -tzip -mm={method} made.zip tree; mv made.zip made", BY_7Z)
        for method in ("Copy", "Deflate", "Deflate64", "BZip2", "LZMA", "PPMd", "XZ")
    ),
    ("bsdtar --format zip -cf made tree", BY_BSDTAR),
    *(
        (f"7z a {options} made.7z tree; mv made.7z made", BY_BSDTAR)
        for options in ("-m0=lzma", "-m0=lzma2", "-m0=bzip2", "-m0=deflate", "-m0=copy", "-ms=off", "-m0=ppmd")
    ),
    ("7z a made.7z tree -m0=delta:4 -m1=lzma2; mv made.7z made", BY_7Z),
    ("bsdtar --format 7zip -cf made tree", BY_7Z),
    ("bsdtar --format xar -cf made tree", BY_7Z),
    ("genisoimage -quiet -R -J -o made tree", BY_7Z),
    ("genisoimage -quiet -iso-level 3 -o made tree", BY_BSDTAR),
    ("bsdtar --format iso9660 -cf made tree", BY_7Z),
    ("ar rc made tree/text.txt tree/numbers.bin", BY_7Z),
    ("bsdtar --format arbsd -cf made -C tree text.txt numbers.bin", BY_BSDTAR),
    ("wimlib-imagex capture tree made --compress=XPRESS", BY_7Z),
    ("mksquashfs tree made -noappend -quiet -no-progress -comp gzip", BY_7Z),
    ("mksquashfs tree made -noappend -quiet -no-progress -comp zstd", BY_7Z),
    ("gcab -czn made tree/text.txt tree/numbers.bin", BY_7Z),
    ("arj a -r -y made.arj tree; mv made.arj made", BY_7Z),
    ("truncate -s 2M made; mkfs.vfat made; mcopy -s -i made tree ::", BY_7Z),
    ("mke2fs -q -t ext4 -d tree made 4M", BY_7Z),
]


@pytest.fixture
def numbers(tmp_path):
    noise = random.Random(11)
    files = {
        "text.txt": b"one line of text and another one\n" * 900,
        "numbers.bin": b"".join(n.to_bytes(4, "little") for n in range(0, 60_000, 7)),
        "deep/er/noise.bin": noise.randbytes(50_000),
        "one": b"1",
        "hole.bin": bytes(300_000) + b"end of the hole",
        "name with spaces (1).txt": b"spaces" * 30,
    }
    for name, content in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with (tmp_path / "tree/hole.bin").open("r+b") as file:
        file.truncate(0)
        file.seek(300_000)
        file.write(b"end of the hole")


def _opened(path: Path) -> Opened:
    content = path.read_bytes()
    return open_one(identify(BytesView(content)), content)


@pytest.mark.parametrize(("make", "extract"), MADE, ids=[make for make, _ in MADE])
def test_contents_are_those_that_a_peer_extracts(make, extract, numbers, run, tmp_path):
    for tool in {part.split()[0] for part in make.split("; ")}:
        run(f"{tool} --version >/dev/null 2>&1 || true")
    run(make)
    run(f"mkdir -p out; {extract.removeprefix('mkdir out; ')}")
    theirs = {hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert len(theirs) > 1
    opened = _opened(tmp_path / "made")
    ours = {hashlib.sha256(content).digest() for content in opened.contents}
    assert theirs - {hashlib.sha256(b"").digest()} <= ours
    assert opened.collector.problems == []
