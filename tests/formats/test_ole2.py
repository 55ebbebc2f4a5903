import io
import random
import shutil
import struct
import subprocess
import zlib

import pytest
from tests.formats import documents
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

RANDOM = random.Random(5)
SMALL, MIDDLE, LARGE = (RANDOM.randbytes(n) for n in (700, 5000, 9_000_000))
NOBODY = 0xFFFFFFFF


def directory(data: bytes) -> int:
    return (int.from_bytes(data[48:52], "little") + 1) * 512


def entry(data: bytes, name: str) -> int:
    return data.index(name.encode("utf-16-le") + b"\0\0", directory(data))


def test_streams_of_every_size_come_out_whole(compound):
    streams = {"small": SMALL, "a/middle": MIDDLE, "a/b/large": LARGE, "a/b/c/small": SMALL[::-1]}
    opened = open_one("ole2", compound(streams))
    assert dict(opened.members) == streams
    assert opened.collector.problems == []


def test_streams_are_those_that_olefile_finds(compound):
    olefile = pytest.importorskip("olefile")
    data = compound({f"s{n % 7}/{n}": RANDOM.randbytes(n * 37) for n in range(1, 200)})
    theirs = olefile.OleFileIO(io.BytesIO(data))
    expected = {"/".join(path): theirs.openstream(path).read() for path in theirs.listdir()}
    assert dict(open_one("ole2", data).members) == expected


def test_names_in_installers_are_readable(tmp_path):
    if shutil.which("msibuild") is None:
        pytest.skip("msibuild is not installed")
    (tmp_path / "file").write_bytes(MIDDLE)
    query = "CREATE TABLE Property (Property CHAR(72) NOT NULL, Value CHAR(255) NOT NULL PRIMARY KEY Property)"
    subprocess.run(["msibuild", "a.msi", "-q", query], cwd=tmp_path, check=True)
    subprocess.run(["msibuild", "a.msi", "-a", "Binary.thing", "file"], cwd=tmp_path, check=True)
    opened = open_one("ole2", (tmp_path / "a.msi").read_bytes())
    assert opened.by_name("Binary.thing") == MIDDLE
    assert "!_Columns" in opened.names
    assert opened.collector.facts["document"] == "installer"


def test_attachments_of_messages_have_their_names(compound):
    storage = "__attach_version1.0_#00000000/__substg1.0_"
    data = compound({f"{storage}3707001F": "invoice.exe".encode("utf-16-le"), f"{storage}37010102": MIDDLE})
    assert open_one("ole2", data).by_name("invoice.exe") == MIDDLE


def test_deflated_streams_of_hwp_documents_are_inflated(compound):
    squeeze = zlib.compressobj(9, wbits=-15)
    packed = squeeze.compress(b"text" * 1000) + squeeze.flush()
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000000, 1)
    opened = open_one("ole2", compound({"FileHeader": header, "BodyText/Section0": packed, "BinData/plain": MIDDLE}))
    assert opened.by_name("BodyText/Section0 inflated") == b"text" * 1000
    assert opened.collector.problems == []


def test_text_of_messages_is_decompressed(compound):
    text = rb"{\rtf1 Hello}" * 3000
    opened = open_one("ole2", compound({"__substg1.0_10090102": documents.compressed_rtf(text)}))
    assert opened.by_name("body.rtf") == text


def test_what_lies_behind_the_last_sector_is_examined(compound):
    opened = open_one("ole2", compound({"a": MIDDLE}) + SMALL)
    assert dict(opened.members) == {"a": MIDDLE, "rest": SMALL}


def test_stream_that_no_storage_names_is_examined(compound):
    data = bytearray(compound({"a": MIDDLE}))
    struct.pack_into("<I", data, directory(data) + 76, NOBODY)
    assert open_one("ole2", bytes(data)).contents == [MIDDLE]


def test_content_of_an_erased_entry_is_examined(compound):
    data = bytearray(compound({"a": MIDDLE, "b": SMALL}))
    at = entry(data, "a")
    data[at : at + 128] = bytes(128)
    assert any(MIDDLE in content for content in open_one("ole2", bytes(data)).contents)


def test_size_beyond_the_chain_is_reported(compound):
    data = bytearray(compound({"a": MIDDLE}))
    struct.pack_into("<I", data, entry(data, "a") + 120, 1 << 30)
    opened = open_one("ole2", bytes(data))
    assert opened.contents[0].startswith(MIDDLE)
    assert ProblemKind.TRUNCATED in opened.kinds


def test_chain_that_bites_its_tail_ends(compound):
    data = bytearray(compound({"a": MIDDLE * 4}))
    at = entry(data, "a")
    start = int.from_bytes(data[at + 116 : at + 120], "little")
    table = (int.from_bytes(data[76:80], "little") + 1) * 512
    struct.pack_into("<I", data, table + 4 * (start + 5), start)
    struct.pack_into("<I", data, at + 120, len(data))
    opened = open_one("ole2", bytes(data))
    assert ProblemKind.MALFORMED in opened.kinds
    assert opened.contents[0] == (MIDDLE * 4)[: 6 * 512]


def test_many_entries_for_one_stream_cost_one_stream(compound):
    data = bytearray(compound({f"{n:03}": MIDDLE for n in range(300)}))
    first = entry(data, "000")
    where = data[first + 116 : first + 124]
    for number in range(300):
        at = entry(data, f"{number:03}")
        data[at + 116 : at + 124] = where
    opened = open_one("ole2", bytes(data))
    assert opened.contents.count(MIDDLE) == 1


def test_very_many_streams_in_the_same_sectors_are_left_out(compound):
    data = bytearray(compound({"a": LARGE[:5_000_000]} | {f"{n:04}": b"x" for n in range(3000)}))
    at = entry(data, "a")
    start = int.from_bytes(data[at + 116 : at + 120], "little")
    for number in range(3000):
        struct.pack_into("<IQ", data, entry(data, f"{number:04}") + 116, start + number, 4_000_000)
    opened = open_one("ole2", bytes(data))
    assert ProblemKind.LIMIT in opened.kinds
    assert len(opened.members) < 1000


@pytest.mark.parametrize("shift", [0, 3, 40, 0xFFFF])
def test_absurd_sector_sizes_are_refused(compound, shift):
    data = bytearray(compound({"a": MIDDLE}))
    struct.pack_into("<H", data, 30, shift)
    assert open_one("ole2", bytes(data)).kinds == {ProblemKind.MALFORMED}


def test_dropped_file_with_a_lying_size_comes_out_to_the_end(compound):
    native = documents.ole10_native(documents.packaged_file("a.exe", MIDDLE, size=1))
    opened = open_one("ole2", compound({"\1Ole10Native": native}))
    assert any(content.startswith(MIDDLE[1:]) for content in opened.contents)


def test_equations_fields_and_links_are_facts(compound):
    link = b"\1\0\0\2" + bytes(20) + "http://a.example/x.hta".encode("utf-16-le") + b"\0\0"
    text = bytes(2000) + b'\x13 DDEAUTO c:\\\\x "/k y" \x14 \x15' + bytes(2100)
    streams = {"WordDocument": text, "ObjectPool/_1/Equation Native": SMALL, "ObjectPool/_2/\1Ole": link}
    facts = open_one("ole2", compound(streams)).collector.facts
    assert facts["equation-editor"]
    assert facts["dde"] == 'DDEAUTO c:\\\\x "/k y"'
    assert facts["linked-objects"] == "http://a.example/x.hta"
    streams["WordDocument"] = bytes(2000) + " \x13 dde a b \x14".encode("utf-16-le") + bytes(2100)
    assert open_one("ole2", compound(streams)).collector.facts["dde"] == "dde a b"


def test_quiet_documents_have_no_such_facts(compound):
    data = compound({"WordDocument": bytes(64) + b"\x13 PAGE \x14" + MIDDLE, "\1Ole": bytes(20)})
    assert open_one("ole2", data).collector.facts == {"document": "word"}
