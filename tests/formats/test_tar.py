import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import bombs
from tests.formats.driver import open_one

from freehold.model.limits import Limits
from freehold.model.report import ProblemKind


def archive(form: int = tarfile.PAX_FORMAT, **members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as made:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.type = kind
    return info.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    "command",
    [
        "tar --format=gnu -cf out.tar tree",
        "tar --format=oldgnu -cf out.tar tree",
        "tar --format=pax -cf out.tar tree",
        "bsdtar --format=pax -cf out.tar tree",
        "bsdtar --format=gnutar -cf out.tar tree",
    ],
)
def test_members_are_what_was_put_in(command, tree, run, tmp_path):
    run(command)
    opened = open_one("tar", (tmp_path / "out.tar").read_bytes())
    assert dict(opened.members) == tree
    assert opened.collector.problems == []


@given(
    st.dictionaries(st.text("abc/", min_size=1, max_size=200), st.binary(min_size=1, max_size=1500), max_size=4),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_round_trip(members, form):
    opened = open_one("tar", archive(form, **members))
    assert opened.contents == list(members.values())
    assert opened.collector.problems == [] or not members


@pytest.mark.parametrize("form", ["gnu", "pax --sparse-version=1.0", "pax --sparse-version=0.1"])
@pytest.mark.parametrize("size", [8 << 20, 80 << 20])
def test_sparse_members_are_read_without_holes_and_small_ones_with_them_too(form, size, run, tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        for place in (1 << 20, 2 << 20, 3 << 20, 4 << 20, 5 << 20, 6 << 20):
            file.seek(place)
            file.write(b"data" * 1024)
        file.truncate(size)
    run(f"tar --format={form} --sparse -cf out.tar sparse")
    content, *whole = open_one("tar", (tmp_path / "out.tar").read_bytes()).contents
    assert whole == ([(tmp_path / "sparse").read_bytes()] if size < 16 << 20 else [])
    assert content.count(b"data") == 6 * 1024
    assert len(content) < 100_000


def test_sparse_member_of_a_terabyte_costs_nothing():
    opened = open_one("tar", bombs.sparse_tar(1 << 40))
    assert opened.contents == [b"x" * 512]


def test_member_behind_a_damaged_header_is_found():
    data = bytearray(archive(first=b"1" * 600, second=b"2" * 600))
    data[0] ^= 0xFF
    opened = open_one("tar", bytes(data))
    assert opened.by_name("second") == b"2" * 600
    assert opened.kinds == {ProblemKind.MALFORMED}


def test_archives_one_behind_the_other_are_both_read():
    opened = open_one("tar", archive(first=b"1") + archive(second=b"2"))
    assert opened.members == [("first", b"1"), ("second", b"2")]


def test_what_follows_the_end_is_read():
    opened = open_one("tar", archive(first=b"1") + b"trailing bytes " * 40)
    assert opened.by_name("rest") == b"trailing bytes " * 40


def test_both_sizes_are_read_when_headers_disagree():
    """What one reader takes for the content of a member is an archive of members for another."""
    inner = header("inner", 5) + b"inner" + bytes(507)
    pax = b"13 size=1024\n"
    pax_header = header("pax", len(pax), tarfile.XHDTYPE) + pax + bytes(512 - len(pax))
    opened = open_one("tar", pax_header + header("outer", 0) + inner + bytes(1024))
    assert opened.by_name("outer") == inner
    assert opened.by_name("inner") == b"inner"


def test_link_with_content_is_read_both_ways():
    opened = open_one("tar", header("link", 5, tarfile.LNKTYPE) + b"hello" + bytes(507) + header("m", 1) + b"m")
    assert opened.members == [("link", b"hello"), ("m", b"m")]
    opened = open_one("tar", header("link", 512, tarfile.LNKTYPE) + header("m", 1) + b"m" + bytes(511))
    assert opened.by_name("m") == b"m"


def test_size_beyond_the_end_is_clipped():
    opened = open_one("tar", header("m", 1 << 30) + b"m" * 1000)
    assert opened.contents == [b"m" * 1000]
    assert opened.kinds == {ProblemKind.TRUNCATED}


def test_checksum_of_signed_bytes_is_accepted():
    block = bytearray(header("n\xe4me", 3))
    signed = sum(byte - 256 if byte > 127 else byte for byte in block[:148] + block[156:]) + 8 * 32
    block[148:156] = b"%06o\0 " % signed
    assert open_one("tar", bytes(block) + b"abc").contents == [b"abc"]


def test_many_members_are_limited():
    opened = open_one("tar", (header("m", 1) + b"x" + bytes(511)) * 2000, Limits(artifacts=100))
    assert len(opened.members) == 100
    assert opened.kinds == {ProblemKind.LIMIT}


def test_no_header_at_all_is_malformed():
    assert open_one("tar", b"ustar" * 1000).kinds == {ProblemKind.MALFORMED}
