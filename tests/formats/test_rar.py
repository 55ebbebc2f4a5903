"""RAR archives: stored members written by hand, and what is missing or cannot be read."""

import hashlib

import pytest
from tests.formats.driver import open_one
from tests.formats.make_native import rar4, rar5

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
