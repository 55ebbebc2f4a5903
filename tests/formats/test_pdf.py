"""PDF documents, made by hand and by qpdf, against Python's own codecs."""

import base64
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
