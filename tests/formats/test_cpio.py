import gzip

import pytest
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind


def newc(name: bytes, content: bytes, mode: int = 0o100644) -> bytes:
    fields = [1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
    head += bytes(-len(head) % 4)
    return head + content + bytes(-len(content) % 4)


TRAILER = newc(b"TRAILER!!!", b"", 0)


@pytest.mark.parametrize("form", ["newc", "crc", "odc", "bin"])
def test_members_are_what_was_put_in(form, tree, run, tmp_path):
    run("cpio --version")
    run(f"find tree -type f | cpio -o -H {form} > out")
    opened = open_one("cpio", (tmp_path / "out").read_bytes())
    assert dict(opened.members) == tree
    assert opened.collector.problems == []


def test_initramfs_is_several_archives():
    packed = gzip.compress(newc(b"b", b"second") + TRAILER, mtime=0)
    opened = open_one("cpio", newc(b"a", b"first") + TRAILER + bytes(100) + newc(b"c", b"third") + TRAILER + packed)
    assert opened.members == [("a", b"first"), ("c", b"third"), ("rest", packed)]
    assert opened.collector.problems == []


def test_links_and_devices_are_no_content():
    assert open_one("cpio", newc(b"l", b"target", 0o120777) + newc(b"d", b"", 0o60600) + TRAILER).members == []


def test_size_beyond_the_end_is_clipped():
    opened = open_one("cpio", newc(b"a", b"x" * 1000)[:500])
    assert opened.kinds == {ProblemKind.TRUNCATED}
    assert b"x" * 1000 != opened.contents[0] == b"x" * len(opened.contents[0])


def test_damage_in_the_middle_leaves_the_rest():
    opened = open_one("cpio", newc(b"a", b"first") + b"garbage " * 40)
    assert opened.members == [("a", b"first"), ("rest", b"garbage " * 40)]
    assert opened.kinds == {ProblemKind.MALFORMED}
