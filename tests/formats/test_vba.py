import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats import documents
from tests.formats.driver import open_one

from freehold.formats.vba import decompress
from freehold.model.report import ProblemKind

SOURCE = 'Sub AutoOpen()\r\n    Shell "cmd /c start"\r\nEnd Sub\r\n'


@pytest.fixture
def document(tmp_path):
    if shutil.which("gsf") is None:
        pytest.skip("gsf is not installed")

    def make(project: dict[str, bytes]) -> bytes:
        documents.write_tree(tmp_path / "in", {f"Macros/VBA/{name}": x for name, x in project.items()})
        subprocess.run(["sh", "-ec", "gsf createole ../out *"], cwd=tmp_path / "in", check=True, capture_output=True)
        return (tmp_path / "out").read_bytes()

    return make


def source(name: str, text: str = SOURCE) -> bytes:
    return f'Attribute VB_Name = "{name}"\r\n{text}'.encode()


@given(st.one_of(st.binary(max_size=9000), st.text("ab \r\n", max_size=9000).map(str.encode)))
def test_compression_round_trip(data):
    damage: list[str] = []
    out = b"".join(decompress(documents.vba_compress(data), 0, damage.append))
    assert out.rstrip(b"\0") == data.rstrip(b"\0")
    assert damage == []


@given(st.binary(max_size=600))
def test_damaged_containers_end(data):
    assert len(b"".join(decompress(b"\1" + data, 0, lambda _: None))) <= 4096 * 300


def test_sources_are_those_that_olevba_finds(document, tmp_path):
    olevba = pytest.importorskip("oletools.olevba")
    modules = {f"Module{n}": SOURCE * n for n in range(1, 60, 7)}
    opened = open_one("ole2", document(documents.vba_project(modules)))
    parser = olevba.VBA_Parser(str(tmp_path / "out"))
    theirs = {f"macro:{name}": code for _, _, name, code in parser.extract_macros()}
    ours = {name: content.decode() for name, content in opened.members if name.startswith("macro:")}
    assert {name.removesuffix(".bas"): code.replace("\r\n", "\n") for name, code in theirs.items()} == {
        name: code.replace("\r\n", "\n") for name, code in ours.items()
    }


def test_source_is_found_where_the_listing_lies(document):
    opened = open_one("ole2", document(documents.vba_project({"A": SOURCE}, offset=100_000)))
    assert source("A") in opened.contents


def test_source_is_found_without_a_readable_listing(document):
    project = documents.vba_project({"A": SOURCE}) | {"dir": b"nothing"}
    opened = open_one("ole2", document(project))
    assert source("A") in opened.contents
    assert ProblemKind.MALFORMED in opened.kinds


def test_pcode_that_knows_more_than_the_source_is_told(document):
    text = b"http://example.org/payload"
    pcode = b"\xb9\0" + len(text).to_bytes(2, "little") + text + b"\0\0"
    stomped = open_one("ole2", document(documents.vba_project({"A": SOURCE}, pcode=pcode)))
    assert stomped.collector.facts["vba-stomped"] == "A"


def test_pcode_that_agrees_with_the_source_is_not_told(document):
    text = b"cmd /c start"
    pcode = b"\xb9\0" + len(text).to_bytes(2, "little") + text + b"\0\0"
    opened = open_one("ole2", document(documents.vba_project({"A": SOURCE}, pcode=pcode)))
    assert "vba-stomped" not in opened.collector.facts
