"""gzip, bzip2, xz and zstd: what all compressed streams have in common."""

import bz2
import gzip
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import bombs
from tests.bombs import zstd
from tests.formats.driver import open_one

from freehold.model.limits import MIB, Limits
from freehold.model.report import ProblemKind

COMPRESS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
}
CONCATENATED = ["gzip", "bzip2", "xz", "zstd"]
TOOLS = {
    "gzip": "gzip -c",
    "bzip2": "bzip2 -c",
    "xz": "xz -c -T1",
    "zstd": "zstd -qc",
    "lzma": "xz -c --format=lzma",
}


@pytest.mark.parametrize("form", TOOLS)
def test_what_the_tool_packs_is_unpacked(form, tree, run, tmp_path):
    for name, content in tree.items():
        (tmp_path / "in").write_bytes(content)
        run(f"{TOOLS[form]} < in > out")
        opened = open_one(form, (tmp_path / "out").read_bytes())
        assert (opened.contents, opened.collector.problems) == ([content], []), name


@pytest.mark.parametrize("form", COMPRESS)
@given(content=st.binary(min_size=1, max_size=5000))
def test_round_trip(form, content):
    opened = open_one(form, COMPRESS[form](content))
    assert (opened.contents, opened.collector.problems) == ([content], [])


@pytest.mark.parametrize("form", CONCATENATED)
@given(contents=st.lists(st.binary(max_size=200), min_size=2, max_size=4))
def test_streams_one_behind_the_other_are_one_content(form, contents):
    opened = open_one(form, b"".join(map(COMPRESS[form], contents)))
    assert opened.contents == [b"".join(contents)]


@pytest.mark.parametrize("form", COMPRESS)
def test_what_follows_is_read_unless_it_is_padding(form):
    packed = COMPRESS[form](b"content")
    assert open_one(form, packed + bytes(5000)).contents == [b"content"]
    opened = open_one(form, packed + b"something else, " * 10)
    assert opened.members == [(opened.names[0], b"content"), ("rest", b"something else, " * 10)]


@pytest.mark.parametrize("form", COMPRESS)
def test_cut_off_anywhere_keeps_a_beginning_and_says_so(form):
    content = bytes(range(256)) * 40
    packed = COMPRESS[form](content)
    for length in range(len(packed)):
        opened = open_one(form, packed[:length])
        assert opened.kinds & {ProblemKind.TRUNCATED, ProblemKind.MALFORMED}, length
        assert all(content.startswith(piece) for piece in opened.contents), length


@pytest.mark.parametrize("form", ["gzip", "xz", "zstd"])
def test_content_before_damage_is_kept(form):
    compressor = {"gzip": gzip, "xz": lzma, "zstd": zstd}[form]
    content = b"".join(b"%d\n" % number for number in range(100_000))
    packed = bytearray(compressor.compress(content))
    packed[-40:] = bytes(255 - byte for byte in packed[-40:])
    opened = open_one(form, bytes(packed))
    assert opened.kinds & {ProblemKind.MALFORMED, ProblemKind.TRUNCATED}
    kept = opened.contents[0]
    common = next((i for i, (a, b) in enumerate(zip(kept, content, strict=False)) if a != b), len(kept))
    assert common > 100_000


@pytest.mark.parametrize("form", bombs.ZEROS)
def test_zeros_without_end_stop_at_the_ratio(form):
    limits = Limits(ratio_floor=4 * MIB)
    opened = open_one(form, bombs.ZEROS[form](128 * MIB), limits)
    assert opened.kinds == {ProblemKind.LIMIT}
    assert len(opened.contents[0]) <= 32 * MIB


def test_decoder_memory_is_limited():
    greedy = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 64 * MIB}])
    assert open_one("xz", greedy, Limits(decoder_memory=MIB)).kinds == {ProblemKind.LIMIT}
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    window = compressor.compress(bytes(8 * MIB)) + compressor.compress(b"x") + compressor.flush()
    assert open_one("zstd", window, Limits(decoder_memory=MIB)).kinds == {ProblemKind.LIMIT}
    assert open_one("zstd", window).collector.problems == []


def test_gzip_header_fields_are_skipped():
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x05\x00extra" + b"name.txt\0" + b"comment" * 100 + b"\0" + b"\0\0"
    opened = open_one("gzip", header + gzip.compress(b"content")[10:])
    assert opened.members == [("name.txt", b"content")]


def test_gzip_quine_yields_itself():
    quine = bombs.quine_gzip()
    assert gzip.decompress(quine) == quine
    opened = open_one("gzip", quine)
    assert opened.members == [("r.gz", quine)]
    assert opened.collector.problems == []


def test_nested_gzip_opens_layer_by_layer():
    content = bombs.nested_gzip(b"core", 10)
    for _ in range(10):
        (content,) = open_one("gzip", content).contents
    assert content == b"core"


def test_zstd_skippable_frames_are_read():
    payload = b"hidden payload " * 10
    skippable = b"\x53\x2a\x4d\x18" + len(payload).to_bytes(4, "little") + payload
    opened = open_one("zstd", skippable + zstd.compress(b"content"))
    assert opened.contents == [b"content", payload]


def test_zstd_that_needs_a_dictionary_says_so():
    trained = zstd.train_dict([b"sample %d of many" % number for number in range(1000)], 1024)
    packed = zstd.compress(b"sample 1 of many", zstd_dict=trained)
    assert open_one("zstd", packed).kinds == {ProblemKind.UNSUPPORTED}
