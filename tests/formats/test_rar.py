"""RAR archives: stored members written by hand, and what is missing or cannot be read."""

import hashlib
import random

import pytest
from tests.formats.driver import open_one
from tests.formats.make_native import rar4, rar5
from tests.formats.rars import rar20

from freehold.formats import libarchive
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind

pytestmark = pytest.mark.skipif(not libarchive.available(), reason="libarchive is not installed")

FILES = {"a.txt": b"first " * 5000, "folder/b.bin": bytes(range(256)) * 40}
CONTINUES = 0x10


@pytest.mark.parametrize("write", [rar4, rar5])
def test_members_are_what_was_put_in(write):
    opened = open_one("rar", write(FILES))
    assert opened.members == list(FILES.items())
    assert opened.collector.problems == []


@pytest.mark.parametrize("write", [rar4, rar5])
def test_contents_equal_those_of_bsdtar(write, run, tmp_path):
    (tmp_path / "made.rar").write_bytes(write(FILES))
    run("bsdtar -xf made.rar")
    for name, content in open_one("rar", (tmp_path / "made.rar").read_bytes()).members:
        assert hashlib.sha256((tmp_path / name).read_bytes()).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize("write", [rar4, rar5])
def test_what_follows_the_archive_is_yielded(write):
    tail = b"hidden behind the end " * 10
    opened = open_one("rar", write(FILES) + tail)
    assert opened.members == [*FILES.items(), ("rest", tail)]


def test_missing_volume_is_not_passed_over_in_silence():
    opened = open_one("rar", rar5(FILES, flags=CONTINUES))
    assert ProblemKind.TRUNCATED in opened.kinds


@pytest.mark.parametrize("write", [rar4, rar5])
def test_archive_cut_off_is_said_to_be(write):
    whole = write(FILES)
    for length in (len(whole) // 2, len(whole) - 4000):
        opened = open_one("rar", whole[:length])
        assert opened.kinds & {ProblemKind.TRUNCATED, ProblemKind.MALFORMED}


@pytest.mark.parametrize("name", ["h\u00e9llo \u6f22.txt", "-rf \u202e.exe", "../../etc/passwd"])
def test_names_are_labels(name):
    opened = open_one("rar", rar5({name: b"content"}))
    assert opened.contents == [b"content"]


def test_total_is_a_limit():
    opened = open_one("rar", rar5({"large": bytes(3 << 20)}), Limits(unpacked_bytes=1 << 20))
    assert opened.kinds == {ProblemKind.LIMIT}


def test_missing_library_is_unsupported_and_says_what_to_install(monkeypatch):
    monkeypatch.setattr(libarchive, "_LIBRARY", None)
    opened = open_one("rar", rar5(FILES))
    assert opened.kinds == {ProblemKind.UNSUPPORTED}
    assert "libarchive13" in opened.collector.problems[0][1]


def _lines(count: int) -> bytes:
    return b"".join(b"this is line number %6d of many of them..\n" % (number * number) for number in range(count))


OLD = {"lines.txt": _lines(300), "far.bin": _lines(50) + bytes(280_000) + _lines(40), "again.txt": _lines(200)}


@pytest.mark.parametrize("solid", [False, True])
def test_old_archives_are_decoded(solid):
    opened = open_one("rar", rar20(OLD, solid=solid))
    assert dict(opened.members) == OLD
    assert opened.collector.problems == []


def test_old_archives_need_no_library(monkeypatch):
    monkeypatch.setattr(libarchive, "_LIBRARY", None)
    assert open_one("rar", rar20(OLD) + rar4(FILES)[20:]).members == [*OLD.items(), *FILES.items()]


def test_encrypted_members_of_old_archives_are_said_to_be():
    assert open_one("rar", rar20(OLD, flags=4)).kinds == {ProblemKind.ENCRYPTED}


def test_solid_member_without_the_ones_before_it_is_incomplete():
    whole = rar20({"a.txt": b"a" * 50, **OLD}, solid=True)
    first = whole.index(b"\x74", 20) - 2
    second = whole.index(b"lines.txt") - 32
    opened = open_one("rar", whole[:first] + whole[second:])
    assert opened.members == []
    assert opened.kinds == {ProblemKind.TRUNCATED}


def test_damaged_header_of_an_old_archive_does_not_hide_what_is_stored():
    whole = bytearray(rar4(FILES))
    whole[20] ^= 0xFF
    assert open_one("rar", bytes(whole)).contents == list(FILES.values())


@pytest.mark.parametrize("version", [15, 20])
def test_noise_in_an_old_archive_ends_in_a_problem(version):
    whole = bytearray(rar20({"noise": random.Random(version).randbytes(9000)}))
    at = whole.index(b"noise")
    whole[at - 8] = version
    whole[at + 5 :] = random.Random(5).randbytes(len(whole) - at - 5)
    opened = open_one("rar", bytes(whole))
    assert opened.kinds <= {ProblemKind.TRUNCATED, ProblemKind.MALFORMED}
    assert opened.kinds
