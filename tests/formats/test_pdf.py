"""PDF documents, made by hand and by qpdf, against Python's own codecs."""

import base64
import random
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats import pages
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

CONTENT = b"All work and no play makes Jack a dull boy.\n" * 50
SCRIPT = b"app.alert('hello');"


def document() -> bytes:
    return pages.pdf(
        pages.embedded(b"data.bin", CONTENT),
        pages.pdf_object(21, b"<< /S /JavaScript /JS (%s) >>" % SCRIPT),
        pages.pdf_object(22, b"/Filter /FlateDecode", zlib.compress(CONTENT * 2)),
    )


@given(st.lists(st.sampled_from(sorted(pages.FILTERS)), max_size=8), st.binary(min_size=1, max_size=500))
def test_filters_are_undone_in_order(names, content):
    encoded = pages.filtered(content, *names)
    text = b"/Filter [ %s ]" % b" ".join(b"/" + name for name in names)
    opened = open_one("pdf", pages.pdf(pages.pdf_object(20, text, encoded)))
    assert opened.by_name("object-20") == content
    assert opened.collector.problems == []


@pytest.mark.parametrize(
    "options",
    [
        "--object-streams=generate",
        "--encrypt '' owner 256 --",
        "--allow-weak-crypto --encrypt '' owner 256 --force-R5 --",
        "--allow-weak-crypto --encrypt '' owner 128 --use-aes=y --",
        "--allow-weak-crypto --encrypt '' owner 128 --use-aes=n --",
        "--allow-weak-crypto --encrypt '' owner 40 --",
    ],
)
def test_what_qpdf_rewrites_yields_the_same(options, run, tmp_path):
    (tmp_path / "in.pdf").write_bytes(document())
    run("qpdf --empty ok.pdf")
    run(f"qpdf --warning-exit-0 --add-attachment ok.pdf --filename=ok.pdf -- in.pdf {options} out.pdf")
    original = (tmp_path / "ok.pdf").read_bytes()
    opened = open_one("pdf", (tmp_path / "out.pdf").read_bytes())
    assert original in opened.contents
    assert opened.collector.problems == []


def test_document_with_a_password_is_reported(run, tmp_path):
    (tmp_path / "in.pdf").write_bytes(document())
    run("qpdf --warning-exit-0 in.pdf --encrypt user owner 256 -- out.pdf")
    assert open_one("pdf", (tmp_path / "out.pdf").read_bytes()).kinds == {ProblemKind.ENCRYPTED}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(pages.pdf_object(20, b"", CONTENT, length=3), id="length too short"),
        pytest.param(pages.pdf_object(20, b"", CONTENT, length=10**9), id="length too long"),
        pytest.param(pages.pdf_object(20, b"/Fil#74er /Flat#65Decode", zlib.compress(CONTENT)), id="escaped names"),
        pytest.param(
            pages.pdf_object(20, b"/Filter 30 0 R", zlib.compress(CONTENT)) + pages.pdf_object(30, b"[/FlateDecode]"),
            id="indirect filter",
        ),
        pytest.param(pages.pdf_object(20, b"/T (endobj) /Filter /Fl", zlib.compress(CONTENT)), id="false endobj"),
        pytest.param(pages.pdf_object(20, b"/Filter /FlateDecode", zlib.compress(CONTENT)[:-4]), id="no checksum"),
        pytest.param(
            pages.pdf_object(9, b"", pages.pdf_object(20, b"/Filter /FlateDecode", zlib.compress(CONTENT))),
            id="within a stream",
        ),
    ],
)
def test_content_is_found_in_spite_of(raw):
    assert CONTENT in open_one("pdf", pages.pdf(raw)).contents


@pytest.mark.parametrize(
    "objects",
    [
        pages.pdf_object(21, b"<< /S /JavaScript /J#53 (%s) >>" % SCRIPT),
        pages.pdf_object(21, b"<< /JS <%s> >>" % SCRIPT.hex().encode()),
        pages.pdf_object(21, b"<< /JS (%s) >>" % SCRIPT.replace(b"'", b"\\047")),
        pages.pdf_object(21, b"<< /JS <%s> >>" % ("\ufeff" + SCRIPT.decode()).encode("utf-16-be").hex().encode()),
        pages.pdf_object(21, b"<< /JS 22 0 R >>") + pages.pdf_object(22, b"(%s)" % SCRIPT),
        pages.object_stream(30, {21: b"<< /JS (%s) >>" % SCRIPT}),
        pages.object_stream(30, {21: b"<< /JS 22 0 R >>", 22: b"(%s)" % SCRIPT}),
    ],
)
def test_scripts_are_found(objects):
    opened = open_one("pdf", pages.pdf(objects))
    assert opened.by_name("javascript") == SCRIPT
    assert opened.collector.facts["pdf_javascript"]


def test_more_filters_than_allowed_are_reported():
    encoded = pages.filtered(CONTENT, *[b"ASCIIHexDecode"] * 9)
    opened = open_one("pdf", pages.pdf(pages.pdf_object(20, b"/Filter [" + b"/AHx " * 9 + b"]", encoded)))
    assert opened.kinds == {ProblemKind.LIMIT}


def test_ascii85_spells_zeros_short():
    encoded = base64.a85encode(bytes(8) + b"x") + b"~>"
    opened = open_one("pdf", pages.pdf(pages.pdf_object(20, b"/Filter /A85", encoded)))
    assert opened.by_name("object-20") == bytes(8) + b"x"


def unfiltered(path):
    """What qpdf makes of a document: its streams without filters, by their lengths as qpdf states them."""
    streams = []
    data = path.read_bytes()
    for found in re.finditer(rb"/Length (\d+) 0 R\n.*?>>\nstream\n", data, re.DOTALL):
        length = re.search(rb"\n%s 0 obj\n(\d+)\n" % found[1], data)
        streams.append(data[found.end() : found.end() + int(length[1])])
    return streams


@pytest.mark.parametrize(
    "parameters",
    [
        b"/Filter /FlateDecode",
        b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 5 /Colors 3 >>",
        b"/Filter /FlateDecode /DecodeParms << /Predictor 2 /Columns 7 /Colors 2 >>",
        b"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 11 /BitsPerComponent 8 >>",
    ],
)
def test_streams_are_what_qpdf_makes_of_them(parameters, run, tmp_path):
    content = bytes(random.Random(5).choices(range(5), k=336 * 30))
    raw = pages.pdf(pages.pdf_object(20, parameters, zlib.compress(content)))
    root = b"<< /Type /Catalog /Extra 20 0 R >>"
    (tmp_path / "in.pdf").write_bytes(raw.replace(b"<< /Type /Catalog >>", root))
    run("qpdf --warning-exit-0 --qdf --stream-data=uncompress in.pdf out.pdf")
    expected = unfiltered(tmp_path / "out.pdf")
    assert len(expected) == 1
    assert open_one("pdf", raw).by_name("object-20") == expected[0]


def test_every_update_is_seen():
    first = pages.pdf(pages.pdf_object(20, b"", b"first"), pages.pdf_object(21, b"<< /JS (one()) >>"))
    update = pages.pdf_object(20, b"", b"second") + pages.pdf_object(21, b"<< /JS (two()) >>") + b"%%EOF\n"
    opened = open_one("pdf", first + update)
    assert [content for name, content in opened.members if name == "object-20"] == [b"first", b"second"]
    assert [content for name, content in opened.members if name == "javascript"] == [b"one()", b"two()"]


@pytest.mark.parametrize(
    "objects",
    [
        pages.pdf_object(20, b"/Length 20 0 R", CONTENT),
        pages.pdf_object(20, b"/Filter 21 0 R", CONTENT) + pages.pdf_object(21, b"21 0 R"),
        pages.pdf_object(20, b"<< /Type /Pages /Kids [20 0 R] /Parent 20 0 R >>") + pages.pdf_object(22, b"", CONTENT),
        pages.object_stream(20, {20: b"20 0 R", 21: b"<< /Extends 20 0 R >>"}) + pages.pdf_object(22, b"", CONTENT),
    ],
    ids=["length", "filter", "pages", "object stream"],
)
def test_references_to_oneself_end(objects):
    assert CONTENT in open_one("pdf", pages.pdf(objects)).contents


@pytest.mark.parametrize(
    "objects",
    [
        b"20 0 obj\n<< /AA << /O << /S /JavaScript /JS (x%d()) >> >> >>\nendobj\n" % 1,
        b"20 0 obj\n<< /Names [(a) << /S /JavaScript /JS (x1()) >>] >>\nendobj\n",
        b"20 0 obj\n<< /Type /Annot /A << /JS (x1()) /S /JavaScript >> >>\nendobj\n",
        pages.pdf_object(20, b"<< /JS 21 0 R >>")
        + pages.pdf_object(21, b"/Filter /FlateDecode", zlib.compress(b"x1()")),
    ],
    ids=["additional action", "names", "annotation", "stream"],
)
def test_scripts_of_every_place(objects):
    assert open_one("pdf", pages.pdf(objects)).by_name("javascript") == b"x1()"


def test_what_stands_around_the_document():
    overlay = b"x" + bytes(range(256)) * 1000
    opened = open_one("pdf", b"MZ front" * 9 + document() + overlay)
    assert [content for name, content in opened.members if name == "rest"] == [b"MZ front" * 9, overlay]
    assert "rest" not in open_one("pdf", document() + b"\r\n\0\0").names


def test_mail_within_a_document():
    mail = b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\nx\r\n"
    raw = document().replace(b"trailer", b"\r\n" + mail + b"trailer")
    assert open_one("pdf", raw).by_name("mail").startswith(mail)
