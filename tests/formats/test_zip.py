import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import bombs
from tests.formats import oldzip
from tests.formats.driver import open_one

from freehold.formats.sevenzip import library
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind


def deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def one_member(local: bytes, record: bytes) -> bytes:
    return local + record + bombs.end_record(1, len(record), len(local))


@pytest.mark.parametrize(
    "command",
    [
        "zip -qr out.zip tree",
        "zip -q0r out.zip tree",
        "zip -qr - tree | cat > out.zip",
        "7z a -tzip -mm=LZMA out.zip tree",
        "7z a -tzip -mm=BZip2 out.zip tree",
        "7z a -tzip -mm=PPMd out.zip tree",
        "7z a -tzip -mm=Deflate64 out.zip tree",
        "bsdtar --format zip -cf out.zip tree",
        "bsdtar --format zip --options zip:compression=store -cf out.zip tree",
    ],
)
def test_members_are_what_was_put_in(command, tree, run, tmp_path):
    run(command)
    opened = open_one("zip", (tmp_path / "out.zip").read_bytes())
    assert dict(opened.members).items() >= tree.items()
    assert opened.collector.problems == []


@given(
    st.dictionaries(st.text("abcdef/", min_size=1), st.binary(min_size=1, max_size=300), max_size=5), st.integers(0, 3)
)
def test_round_trip(members, choice):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", [0, 8, 12, 14][choice]) as made:
        for name, content in members.items():
            made.writestr(name, content)
    opened = open_one("zip", out.getvalue())
    assert sorted(opened.contents) == sorted(members.values())
    assert opened.collector.problems == []


def test_archives_one_behind_the_other_are_both_read():
    opened = open_one("zip", archive(first=b"1" * 100) + b"between" * 20 + archive(second=b"2" * 100))
    assert opened.by_name("first") == b"1" * 100
    assert opened.by_name("second") == b"2" * 100
    assert opened.by_name("rest") == b"between" * 20


def test_what_stands_before_and_behind_is_read():
    opened = open_one("zip", b"MZ stub " * 50 + archive(member=b"m" * 100) + b"overlay " * 50)
    assert opened.by_name("member") == b"m" * 100
    assert {b"MZ stub " * 50, b"overlay " * 50} <= set(opened.contents)


def test_member_that_no_directory_lists_is_read():
    hidden = bombs.local_header(b"hidden", 8, deflate(b"hidden" * 50), 300, checksum=zlib.crc32(b"hidden" * 50))
    opened = open_one("zip", hidden + deflate(b"hidden" * 50) + archive(shown=b"s" * 100))
    assert opened.by_name("hidden") == b"hidden" * 50
    assert opened.by_name("shown") == b"s" * 100
    assert opened.collector.problems == []


def test_members_without_any_directory_are_read():
    whole = archive(a=b"a" * 1000, b=b"b" * 1000)
    opened = open_one("zip", whole[: whole.index(b"PK\x01\x02")])
    assert opened.contents == [b"a" * 1000, b"b" * 1000]
    assert opened.kinds == {ProblemKind.TRUNCATED}


def test_both_methods_are_tried_when_the_records_disagree():
    body = deflate(b"content" * 100)
    local = bombs.local_header(b"m", 8, body, 700) + body
    opened = open_one("zip", one_member(local, bombs.central_record(b"m", 0, len(body), 700, 0)))
    assert b"content" * 100 in opened.contents
    assert body in opened.contents


def test_both_sizes_are_read_when_the_records_disagree():
    local = bombs.local_header(b"m", 0, b"x" * 500, 500) + b"x" * 500
    opened = open_one("zip", one_member(local, bombs.central_record(b"m", 0, 10, 10, 0)))
    assert b"x" * 10 in opened.contents
    assert b"x" * 500 in opened.contents


def test_declared_size_does_not_cut_content():
    content = b"0123456789" * 10_000
    body = deflate(content)
    local = bombs.local_header(b"m", 8, body, 10, checksum=zlib.crc32(content)) + body
    opened = open_one("zip", one_member(local, bombs.central_record(b"m", 8, len(body), 10, 0)))
    assert opened.contents == [content]


def test_flag_that_only_the_directory_sets_does_not_hide_content():
    body = deflate(b"plain" * 100)
    local = bombs.local_header(b"m", 8, body, 500, checksum=zlib.crc32(b"plain" * 100)) + body
    opened = open_one("zip", one_member(local, bombs.central_record(b"m", 8, len(body), 500, 0, flags=1)))
    assert opened.contents == [b"plain" * 100]


def test_content_before_damage_is_kept():
    """A reader that stops at the declared size never sees the invalid block."""
    compressor = zlib.compressobj(wbits=-15)
    body = compressor.compress(b"payload" * 100) + compressor.flush(zlib.Z_SYNC_FLUSH) + b"\xff" * 20
    local = bombs.local_header(b"m", 8, body, 700, checksum=zlib.crc32(b"payload" * 100)) + body
    opened = open_one("zip", one_member(local, bombs.central_record(b"m", 8, len(body), 700, 0)))
    assert opened.by_name("m") == b"payload" * 100
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_wrong_checksum_is_reported_and_content_kept():
    body = deflate(b"content")
    local = bombs.local_header(b"m", 8, body, 7, checksum=1) + body
    opened = open_one("zip", one_member(local, bombs.central_record(b"m", 8, len(body), 7, 0, checksum=1)))
    assert opened.contents == [b"content"]
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_encrypted_members_are_reported_and_others_read(tree, run, tmp_path):
    run("zip -q out.zip tree/one")
    run("zip -q -P secret out.zip tree/text.txt")
    opened = open_one("zip", (tmp_path / "out.zip").read_bytes())
    assert opened.contents == [b"1"]
    assert opened.kinds == {ProblemKind.ENCRYPTED}


def test_unknown_methods_are_reported_and_others_read(tree, run, tmp_path):
    run("7z a -tzip -mm=PPMd out.zip tree/text.txt")
    run("7z a -tzip -mm=Copy out.zip tree/one")
    whole = (tmp_path / "out.zip").read_bytes()
    assert whole.count(b"\0\0\x62\0") == 2
    opened = open_one("zip", whole.replace(b"\0\0\x62\0", b"\0\0\x61\0"))
    assert opened.contents == [b"1"]
    assert opened.kinds == {ProblemKind.UNSUPPORTED}


def test_zip64_sizes_are_understood():
    content = b"z" * 5000
    extra = struct.pack("<HHQQ", 1, 16, len(content), len(content))
    name = b"big"
    head = (45, 0, 0, 0, 0, zlib.crc32(content), 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra))
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", *head) + name + extra + content
    opened = open_one("zip", local)
    assert opened.contents == [content]


def test_overlapping_members_are_reported_and_bounded():
    opened = open_one("zip", bombs.overlapping_zip(100, 1 << 20), Limits(unpacked_bytes=20 << 20))
    assert (ProblemKind.MALFORMED, "overlapping entries") in opened.collector.problems
    assert ProblemKind.LIMIT in opened.kinds
    assert sum(map(len, opened.contents)) <= 22 << 20


def test_one_place_that_many_records_name_is_read_once():
    body = deflate(b"content" * 100)
    local = bombs.local_header(b"m", 8, body, 700, checksum=zlib.crc32(b"content" * 100)) + body
    records = bombs.central_record(b"m", 8, len(body), 700, 0) * 500
    opened = open_one("zip", local + records + bombs.end_record(500, len(records), len(local)))
    assert opened.contents == [b"content" * 100]


def test_empty_members_cost_nothing():
    opened = open_one("zip", bombs.many_members_zip(20_000))
    assert opened.members == []
    assert opened.collector.problems == []


def test_members_are_limited_in_number():
    opened = open_one("zip", bombs.many_members_zip(3_000, b"x"), Limits(artifacts=1000))
    assert len(opened.members) == 1000
    assert opened.kinds == {ProblemKind.LIMIT}


def test_part_of_a_split_archive_is_reported():
    end = bytearray(bombs.end_record(0, 0, 0))
    end[4] = 2
    assert ProblemKind.UNSUPPORTED in open_one("zip", bytes(end)).kinds


def test_stored_member_is_not_copied():
    from tests.formats.driver import Collector

    from freehold.formats.zip import FORMAT
    from freehold.model.limits import Budget
    from freehold.model.view import BytesView

    data = bombs.local_header(b"m", 0, b"stored", 6) + b"stored"
    (child,) = FORMAT.children(BytesView(data), Collector(Budget(Limits())))
    assert isinstance(child.content, BytesView)


def test_split_volume_without_its_members_is_reported():
    end = bytearray(bombs.end_record(1, 46, 5000))
    end[4] = 2
    opened = open_one("zip", b"PK\x07\x08" + bytes(100) + bytes(end))
    assert opened.kinds & {ProblemKind.UNSUPPORTED, ProblemKind.TRUNCATED}


OLD = b"some text that repeats itself, some text, " * 40 + bytes(300) + bytes(range(256)) * 2 + b"\x90\x90\x90\x90\x90"


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_reduced_members_are_decoded(factor):
    opened = open_one("zip", oldzip.archive(factor + 1, oldzip.reduce_(OLD, factor), OLD))
    assert opened.members == [("old.bin", OLD)]
    assert opened.collector.problems == []


def test_shrunk_members_are_decoded():
    opened = open_one("zip", oldzip.archive(1, oldzip.shrink(OLD), OLD))
    assert opened.members == [("old.bin", OLD)]
    assert opened.collector.problems == []


def test_damaged_members_of_old_methods_are_reported():
    packed = bytearray(oldzip.shrink(OLD))
    packed[100:140] = bytes(40)
    assert open_one("zip", oldzip.archive(1, bytes(packed), OLD)).kinds == {ProblemKind.MALFORMED}


def test_old_methods_without_the_library_are_unsupported(monkeypatch):
    monkeypatch.setattr(library, "_LIBRARY", None)
    opened = open_one("zip", oldzip.archive(1, oldzip.shrink(OLD), OLD))
    assert opened.kinds == {ProblemKind.UNSUPPORTED}
    assert "p7zip-full" in opened.collector.problems[0][1]


def test_members_that_lie_wholly_in_one_part_of_a_split_archive_are_read(tree, run, tmp_path):
    run("zip -q -s 64k -r out.zip tree")
    parts = sorted(tmp_path.glob("out.z*"))
    assert len(parts) > 2
    found = {}
    for part in parts:
        opened = open_one("zip", part.read_bytes())
        assert opened.kinds & {ProblemKind.TRUNCATED, ProblemKind.UNSUPPORTED}, part.name
        found |= dict(opened.members)
    assert found["tree/text.txt"] == tree["tree/text.txt"]
    assert found["tree/one"] == tree["tree/one"]
