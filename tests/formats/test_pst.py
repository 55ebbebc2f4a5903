"""Outlook stores, built from their specification; what real ones hold was compared with pffexport by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats import stores
from tests.formats.driver import open_one

from freehold.formats import pstencoding
from freehold.model.report import ProblemKind

LARGE, SMALL = bytes(range(256)) * 100, b"a small attachment"


def cyclically(data: bytes, number: int) -> bytes:
    """[MS-PST] 5.2, byte by byte; encoding and decoding are the same."""
    first, second, last = pstencoding._FIRST, pstencoding._SECOND, pstencoding._LAST
    key = (number ^ number >> 16) & 0xFFFF
    out = bytearray()
    for byte in data:
        low, high = key & 255, key >> 8
        mixed = second[(first[(byte + low) & 255] + high) & 255]
        out.append((last[(mixed - high) & 255] - low) & 255)
        key = (key + 1) & 0xFFFF
    return bytes(out)


ENCODINGS = {
    0: lambda data, _number: data,
    1: lambda data, _number: data.translate(pstencoding._FIRST),
    2: cyclically,
}


@pytest.mark.parametrize("wide", [True, False], ids=["2003", "97"])
@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_message_with_attachments(wide, encoding):
    store = stores.Store(wide=wide, encoding=encoding, encode=ENCODINGS[encoding])
    data = stores.message(store, "Hello, wörld", {"large ä.bin": LARGE, "small.bin": SMALL})
    opened = open_one("pst", data)
    assert dict(opened.members) == {
        "200004/body.txt": "Hello, wörld".encode(),
        "200004/body.rtf": b"{\\rtf1 Hello, w\xc3\xb6rld}",
        "large ä.bin": LARGE,
        "small.bin": SMALL,
    }
    assert opened.collector.problems == []


@given(st.binary(max_size=2000), st.integers(0, 1 << 32))
def test_cyclic_encoding_is_what_the_specification_does(data, number):
    assert pstencoding.cyclic(cyclically(data, number), number) == data


def test_permutation_is_that_of_the_specification():
    """[MS-PST] 5.1 begins with 65, 54, 19, 98."""
    assert pstencoding.permuted(bytes((65, 54, 19, 98))) == bytes((0, 1, 2, 3))


def test_newer_stores_are_reported():
    data = bytearray(stores.message(stores.Store(), "x", {}))
    data[10] = 36
    assert open_one("pst", bytes(data)).kinds == {ProblemKind.UNSUPPORTED}
    data[10:12], data[513] = b"\x17\0", 0x10
    assert open_one("pst", bytes(data)).kinds == {ProblemKind.UNSUPPORTED}


def test_list_of_blocks_that_lists_itself_ends():
    store = stores.Store()
    number = store.block(b"\1\2" + (2).to_bytes(2, "little") + bytes(4) + (6).to_bytes(8, "little") * 2, internal=True)
    store.nodes.append((0x24, number, 0))
    assert open_one("pst", store.finish()).kinds == {ProblemKind.MALFORMED}


def test_node_that_repeats_its_blocks_ends():
    store = stores.Store()
    block = store.block(stores.properties((stores.BODY, stores.BINARY, b"x")) + bytes(7000))
    entries = block.to_bytes(8, "little") * 1000
    inner = store.block(b"\1\1" + (1000).to_bytes(2, "little") + bytes(4) + entries, internal=True)
    store.nodes.append((0x24, inner, 0))
    assert open_one("pst", store.finish()).kinds == {ProblemKind.MALFORMED}


def test_nodes_in_nodes_without_end_are_limited():
    store = stores.Store()
    nodes = 0
    for _ in range(15):
        nodes = store.within((0x24, 0, nodes))
    store.nodes.append((0x24, 0, nodes))
    assert open_one("pst", store.finish()).members == []
