"""release.json, head and leaves: strict readers."""

import json
import struct
from dataclasses import replace

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.updates.content import heads, leaves, releases
from freehold.updates.content.releases import Part, Release

HASH = "ab" * 32
GOOD = Release(
    feed="core",
    seq=6,
    epoch=2,
    state=HASH,
    counts={"hdb": 3},
    engine=(1, 2),
    published=1_795_456_800,
    rings=((10, 0), (100, 3600), (1000, 14400)),
    urgent=False,
    reverts=(2, 5),
    inputs=HASH,
    base=Part(4, HASH, 9),
    segments=tuple(Part(start, HASH, 9) for start in (5, 4, 2, 1)),
)


def changed(**fields: object) -> bytes:
    return releases.canonical(json.loads(GOOD.to_bytes()) | fields)


def test_a_release_is_read_as_it_was_written():
    assert releases.parse(GOOD.to_bytes()) == GOOD
    assert [GOOD.target(part) for part in (GOOD.base, GOOD.segments[1])] == ["core/base-2.seg", "core/seg-4-6.seg"]


def test_a_first_release_has_a_base_alone():
    first = replace(GOOD, seq=1, reverts=(), base=Part(1, HASH, 9), segments=())
    assert releases.parse(first.to_bytes()) == first


PART = {"start": 1, "content": HASH, "bytes": 1}


@pytest.mark.parametrize(
    "fields",
    [
        {"schema": "freehold-release/v2"},
        {"feed": "../core"},
        {"feed": "core\n"},
        {"seq": 0},
        {"seq": True},
        {"seq": 6.0},
        {"seq": 1 << 60},
        {"state": HASH.upper()},
        {"counts": {"cbc": 1}},
        {"counts": {"hdb": 0}},
        {"counts": []},
        {"engine": [2, 1]},
        {"engine": [1]},
        {"rings": []},
        {"rings": [[10, 0]]},
        {"rings": [[100, 0], [10, 5], [1000, 9]]},
        {"rings": [[1000, 0], [1000, 1]]},
        {"rings": [[n, n] for n in range(992, 1001)]},
        {"urgent": 1},
        {"reverts": [6]},
        {"reverts": [5, 2]},
        {"base": PART | {"start": 7}},
        {"base": PART | {"bytes": 1 << 40}},
        {"segments": []},
        {"segments": [PART | {"start": 5}]},
        {"segments": [PART, PART | {"start": 5}]},
        {"segments": [PART | {"start": 6}, PART]},
        {"unknown": 1},
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_refused(fields):
    with pytest.raises(MalformedInput):
        releases.parse(changed(**fields))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 60_000,
        b" " + GOOD.to_bytes(),
        GOOD.to_bytes() + b"\n",
        GOOD.to_bytes().replace(b'"seq":6', b'"seq":6,"seq":6'),
        b'{"a":"' + b"x" * releases.RELEASE_BYTES + b'"}',
        GOOD.to_bytes().replace(b'"seq":6', b'"seq":NaN'),
        GOOD.to_bytes().replace(b'"seq":6', b'"seq":' + b"9" * 5000),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_other_spellings_are_refused(data):
    with pytest.raises(MalformedInput):
        releases.parse(data)


@settings(deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[0-9a-z][0-9a-zA-Z._-]{0,20}", fullmatch=True), st.binary(max_size=60), max_size=9)
)
def test_a_head_is_read_as_it_was_written(members):
    assert heads.decode(heads.encode(members)) == members


def member(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return name + b"\0" + struct.pack(">I", len(data) if length is None else length) + data


@pytest.mark.parametrize(
    "content",
    [
        member(b"a", b"x") * 2,
        member(b"../a", b"x"),
        member(b"A", b"x"),
        member(b"", b"x"),
        member(b"a" * 65, b"x"),
        member(b"a", b"x", 2),
        member(b"a", b"", 0xFFFFFFFF),
        b"name without an end",
        b"a\0\0",
        b"".join(member(b"m%d" % number, b"") for number in range(65)),
        bytes(heads.CONTENT_BYTES + 1),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_damaged_heads_are_refused(content):
    with pytest.raises(MalformedInput):
        heads.decode(zstd.compress(content))


def test_heads_too_large_for_clients_are_neither_written_nor_read():
    noise = bytes(index * index % 251 for index in range(heads.CONTENT_BYTES))
    with pytest.raises(MalformedInput, match="are allowed"):
        heads.encode({"a": noise})
    with pytest.raises(MalformedInput, match="more than 65,536 bytes"):
        heads.decode(bytes(heads.PACKED_BYTES + 1))


def test_the_tail_is_made_of_leaf_hashes():
    assert heads.tail({heads.TAIL: bytes(32) + b"\1" * 32}) == [bytes(32), b"\1" * 32]
    assert heads.tail({}) == []
    for wrong in (bytes(31), bytes(33 * 32)):
        with pytest.raises(MalformedInput, match="leaf hashes"):
            heads.tail({heads.TAIL: wrong})


def test_a_leaf_pins_root_and_snapshot():
    leaf = leaves.leaf_of("core", (2, b"root"), (40, b"snapshot"))
    text = leaf.to_bytes()
    assert text.decode().split("\n") == [
        "freehold-release/v1",
        "core",
        "root 2 4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2",
        "snapshot 40 16a0eeb0791b6c92451fd284dd9f599e0a7dbe7f6ebea6e2d2d06c7f74aec112",
        "",
    ]
    assert leaves.parse(text) == leaf


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-1], lambda t: t + b"\n", lambda t: t.replace(b"root 2", b"root 02"), lambda t: b""]
)
def test_other_entries_of_the_log_are_refused(damage):
    with pytest.raises(MalformedInput, match="no release"):
        leaves.parse(damage(leaves.leaf_of("core", (2, b"root"), (40, b"snapshot")).to_bytes()))
