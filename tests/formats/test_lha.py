"""Members that the first LHarc packed, judged by lhasa, and mixed with those that 7-Zip's library decodes."""

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from tests.formats.driver import open_one

from freehold.formats import lzhuf
from freehold.formats.sevenzip import library
from freehold.model.report import ProblemKind

HERE = Path(__file__).parent
TEXT = b"".join(b"line %d of a text that repeats itself, %d times\n" % (n, n * n % 97) for n in range(900))
PLACES = [3, *[4] * 3, *[5] * 8, *[6] * 12, *[7] * 24, *[8] * 16]


def _place(distance: int) -> str:
    code = 0
    for place, length in enumerate(PLACES):
        if place == distance >> 6:
            return f"{code >> 8 - length:0{length}b}{distance & 63:06b}"
        code += 1 << 8 - length
    raise ValueError(distance)


def lh1(data: bytes) -> bytes:
    """Pack data, with the tree of the decoder; that it is right is what lhasa says."""
    tree = lzhuf._Tree()
    bits = []

    def put(symbol: int) -> None:
        leaf = symbol + lzhuf._NODES
        path, node = [], tree.parents[leaf]
        while node != lzhuf._ROOT:
            path.append("01"[node & 1])
            node = tree.parents[node]
        bits.extend(reversed(path))
        tree._count(leaf)

    at = 0
    while at < len(data):
        found = data.rfind(data[at : at + 8], max(at - 4000, 0), at) if at + 8 <= len(data) else -1
        if found < 0:
            put(data[at])
            at += 1
            continue
        length = 8
        while length < 60 and at + length < len(data) and data[found + length] == data[at + length]:
            length += 1
        put(253 + length)
        bits.append(_place(at - found - 1))
        at += length
    text = "".join(bits)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8))


def _checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def archive(name: bytes, data: bytes, level: int) -> bytes:
    """Return an archive with one member, with a header of level 0, 1 or 2."""
    packed = lh1(data)
    fields = struct.pack("<5sIIIBB", b"-lh1-", len(packed), len(data), 0, 0x20, level)
    checksum = struct.pack("<H", _checksum(data))
    if level == 2:
        name_field = struct.pack("<HB", 3 + len(name), 1) + name
        rest = checksum + b"U" + name_field + b"\0\0"
        return struct.pack("<H", 2 + len(fields) + len(rest)) + fields + rest + packed + b"\0"
    head = fields + bytes([len(name)]) + name + checksum + (b"U\0\0" if level == 1 else b"")
    return bytes([len(head), sum(head) & 0xFF]) + head + packed + b"\0"


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("data", [TEXT, random.Random(1).randbytes(40_000), b"a"], ids=["text", "noise", "one"])
def test_members_of_the_first_lharc_are_what_lhasa_extracts(level, data, tmp_path):
    if shutil.which("lhasa") is None:
        pytest.skip("lhasa is not installed")
    whole = archive(b"member.bin", data, level)
    (tmp_path / "a.lzh").write_bytes(whole)
    subprocess.run(["lhasa", "xq", "a.lzh"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "member.bin").read_bytes() == data
    opened = open_one("lha", whole)
    assert opened.members == [("member.bin", data)]


def test_members_of_the_first_lharc_need_no_library(monkeypatch):
    monkeypatch.setattr(library, "_LIBRARY", None)
    opened = open_one("lha", archive(b"member.bin", TEXT, 0))
    assert opened.members == [("member.bin", TEXT)]
    assert opened.kinds == {ProblemKind.UNSUPPORTED}


def test_members_of_several_methods_all_come_out():
    other = (HERE / "golden/lha/lh5.lzh").read_bytes()
    alone = open_one("lha", other)
    opened = open_one("lha", archive(b"member.bin", TEXT, 1)[:-1] + other)
    assert sorted(opened.contents) == sorted([*alone.contents, TEXT])
    assert opened.collector.problems == []


def test_member_cut_off_is_said_to_be():
    opened = open_one("lha", archive(b"member.bin", TEXT, 0)[:2000])
    assert ProblemKind.TRUNCATED in opened.kinds
    assert TEXT.startswith(opened.by_name("member.bin"))
