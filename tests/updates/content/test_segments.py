"""Segments: exact bytes, exact restoration, and everything that breaks the rules refused."""

import hashlib
import itertools
import struct
import subprocess

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.updates.content.content import STATES

from freehold.model.errors import MalformedInput
from freehold.updates.content import segments
from freehold.updates.content.entries import Entry
from freehold.updates.content.segments import Segment, decode, encode, pack, unpack

NOTHING = frozenset[bytes]()


def group(language: bytes, kind: int, count: int, text: int) -> bytes:
    return language.ljust(8, b"\0") + bytes([kind]) + struct.pack(">II", count, text)


def test_the_bytes_are_those_of_the_format():
    added = [
        Entry("hdb", b"00" * 16 + b":258:B"),
        Entry("hdb", b"ff" * 16 + b":*:A"),
        Entry("hdb", b"FF" * 16 + b":1:upper case"),
        Entry("mdb", b"7:" + b"11" * 32 + b":C:73"),
        Entry("yar", b"rule"),
    ]
    expected = (
        b"FHS1" + struct.pack(">II", 4, 2)
        + group(b"hdb", 1, 1, 45) + group(b"hdb", 16, 2, 3) + group(b"mdb", 32, 1, 4) + group(b"yar", 2, 1, 4)
        + b"FF" * 16 + b":1:upper case"
        + b"\xff" * 16 + bytes(16) + b"\xff\0" + b"\xff\0" + b"\xff\1" + b"\xff\2" + b"A\nB"
        + b"\x11" * 32 + bytes([0, 0, 0, 7]) + b"C:73"
        + bytes([0, 0, 0, 4]) + b"rule"
        + b"\1" * 16 + b"\2" * 16
    )  # fmt: skip
    assert encode(Segment(added, frozenset({b"\2" * 16, b"\1" * 16}))) == expected
    assert set(decode(expected).added) == set(added)


@settings(deadline=None)
@given(STATES, st.frozensets(st.binary(min_size=16, max_size=16), max_size=3), st.randoms())
def test_what_was_encoded_is_decoded_and_has_one_form(added, removed, random):
    shuffled = sorted(added)
    random.shuffle(shuffled)
    content = encode(Segment(shuffled, removed))
    again = decode(content)
    assert (set(again.added), len(again.added), again.removed) == (added, len(added), removed)
    assert encode(again) == content == encode(Segment(sorted(added), removed))
    assert unpack(pack(content), len(content)) == content


@settings(deadline=None)
@given(STATES, st.data())
def test_every_cut_and_every_addition_is_refused(added, data):
    content = encode(Segment(sorted(added), NOTHING))
    with pytest.raises(MalformedInput):
        decode(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(MalformedInput):
        decode(content + b"\0")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"FHS2" + bytes(8), "no segment"),
        (b"FHS1" + struct.pack(">II", 0xFFFFFFFF, 0), "no segment"),
        (b"FHS1" + struct.pack(">II", 0, 0xFFFFFFFF), "too early"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"cbc", 1, 1, 1) + b"x", "1 signatures in 'cbc'"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 1, 0, 0), "0 signatures in 'ldb'"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 1, 2, 1) + b"x", "1 lines where it says 2"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 1, 2, 3) + b"x\nx", "not in their order"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 1, 2, 3) + b"y\nx", "not in their order"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 1, 1, 2) + b"#x", "not one line"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 1, 1, 2) + b"x\r", "not one line"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"ldb", 16, 1, 1) + bytes(21), "a form that is not theirs"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"yar", 1, 1, 1) + b"x", "a form that is not theirs"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"hdb", 3, 1, 1) + b"x", "unknown kind 3"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"yar", 2, 1, 1) + b"\xff\xff\xff\xffx", "other lengths"),
        (b"FHS1" + struct.pack(">II", 1, 0) + group(b"hdb", 16, 0x7FFFFFFF, 0), "too early"),
        (
            b"FHS1" + struct.pack(">II", 2, 0) + group(b"ndb", 1, 1, 1) + group(b"ldb", 1, 1, 1) + b"xx",
            "groups of a segment are not in their order",
        ),
        (
            b"FHS1" + struct.pack(">II", 2, 0) + group(b"ldb", 1, 1, 1) + group(b"ldb", 1, 1, 2) + b"xyz",
            "groups of a segment are not in their order",
        ),
        (b"FHS1" + struct.pack(">II", 0, 2) + b"\2" * 16 + b"\1" * 16, "not in their order"),
    ],
    ids=itertools.count(),
)
def test_what_breaks_a_rule_is_refused(content, reason):
    with pytest.raises(MalformedInput, match=reason):
        decode(content)


def test_a_bomb_is_not_unpacked():
    bomb = zstd.compress(bytes(64 << 20))
    with pytest.raises(MalformedInput, match="more than 1,000 bytes"):
        unpack(bomb, 1000)
    with pytest.raises(MalformedInput, match="too large"):
        unpack(bomb, segments.CONTENT_BYTES + 1)


def test_a_window_larger_than_clients_have_memory_for_is_refused():
    wide = zstd.compress(bytes(1 << 20), options={zstd.CompressionParameter.window_log: 27})
    streamed = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    unknown = streamed.compress(bytes(1 << 20)) + streamed.flush()
    assert unpack(wide, 1 << 20) == bytes(1 << 20)  # its size is known, so that is its window
    with pytest.raises(MalformedInput, match="not packed as it should be"):
        unpack(unknown, 1 << 20)


@pytest.mark.parametrize("damage", [lambda p: p[:-1], lambda p: p + b"x", lambda p: p + p, lambda p: b"\0" + p])
def test_a_damaged_file_is_refused(damage):
    content = encode(Segment([Entry("ldb", b"x" * 1000)], NOTHING))
    with pytest.raises(MalformedInput):
        unpack(damage(pack(content)), len(content))


def test_a_shorter_content_than_signed_is_refused():
    with pytest.raises(MalformedInput, match="are signed"):
        unpack(pack(b"short"), 6)


def test_zstd_itself_reads_it(tmp_path):
    content = encode(Segment([Entry("ldb", b"%d" % number) for number in range(1000)], NOTHING))
    packed = tmp_path / "x.zst"
    packed.write_bytes(pack(content))
    assert subprocess.run(["zstd", "-dc", packed], capture_output=True, check=True).stdout == content


def test_a_retraction_takes_tens_of_bytes():
    content = encode(Segment([], frozenset({hashlib.sha256(b"x").digest()[:16]})))
    assert len(content) == 28
    assert len(pack(content)) < 48
