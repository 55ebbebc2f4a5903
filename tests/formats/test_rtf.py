import random

import pytest
from tests.formats import documents
from tests.formats.driver import open_one

from freehold.model.limits import MIB, Limits
from freehold.model.report import ProblemKind

CONTENT = random.Random(9).randbytes(3000)
OBJECT = documents.ole1_object("Package", documents.packaged_file("a.exe", CONTENT))
HEX = OBJECT.hex().encode()
PAIRS = [HEX[at : at + 2] for at in range(0, len(HEX), 2)]


@pytest.mark.parametrize(
    "data",
    [
        HEX,
        HEX.upper(),
        b"\r\n\t ".join(PAIRS),
        b"".join(b"%c " % digit for digit in HEX),
        b"{\\*\\unknown1}".join(PAIRS),
        b"\\par ".join(PAIRS),
        b"\\bin%d %b" % (len(OBJECT), OBJECT),
        b"".join(PAIRS[:40]) + b"{\\bin0 }\\bin100 " + OBJECT[40:140] + b"".join(PAIRS[140:]),
        b"{" + HEX[:100] + b"}{" + HEX[100:] + b"}",
        b"{{\\*\\x 6566}}" + HEX,
        b"\\'0a".join(PAIRS),
        b"xyz,;".join(PAIRS),
    ],
    ids=range(12),
)
def test_object_is_found_however_it_is_written(data):
    opened = open_one("rtf", documents.rtf(data))
    assert opened.by_name("a.exe") == CONTENT
    assert opened.collector.problems == []


def test_objects_are_those_that_rtfobj_finds():
    rtfobj = pytest.importorskip("oletools.rtfobj")
    data = documents.rtf(HEX, b"\n".join(PAIRS), documents.ole1_object("OLE2Link", CONTENT).hex().encode())
    parser = rtfobj.RtfObjParser(data)
    parser.parse()
    contents = open_one("rtf", data).contents
    assert len(parser.objects) == 3
    assert all(found.oledata in contents for found in parser.objects)


def test_object_inside_an_object_is_found():
    opened = open_one("rtf", documents.rtf(b"0105{\\*\\objdata " + HEX + b"}"))
    assert CONTENT in opened.contents


def test_object_across_the_pieces_that_are_read_is_found():
    for shift in range(0, 30, 7):
        filler = b"\\par" * ((1 << 18) - 20) + b"x" * shift
        opened = open_one("rtf", documents.rtf(b"").removesuffix(b"}") + filler + documents.rtf(HEX)[6:])
        assert opened.by_name("a.exe") == CONTENT


def test_object_that_is_too_large_for_memory_is_reported():
    limits = Limits(decoder_memory=MIB)
    opened = open_one("rtf", documents.rtf(b"00" * (2 * MIB)), limits)
    assert opened.kinds == {ProblemKind.LIMIT}


def test_text_without_objects_yields_nothing():
    opened = open_one("rtf", documents.rtf())
    assert opened.members == []
    assert opened.collector.problems == []


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        (rb"{\*\template http://a.example/x.dotm}", "template", "http://a.example/x.dotm"),
        (rb"{\object\objemb\objupdate{\*\objdata 0105}}", "updates-objects", True),
        (rb"{\object\objautlink{\*\objdata 0105}}", "links-objects", True),
        (rb"{\field{\*\fldinst {\rtlch DDEAUTO c:\\x y }}}", "dde", r"DDEAUTO c:\\x y"),
    ],
)
def test_what_a_document_does_by_itself_is_a_fact(text, key, value):
    assert open_one("rtf", rb"{\rtf1 " + text + b"}").collector.facts[key] == value


def test_classes_of_objects_are_facts():
    objects = [documents.ole1_object(name, CONTENT).hex().encode() for name in ("Package", "eQuation.3")]
    facts = open_one("rtf", documents.rtf(*objects)).collector.facts
    assert facts["object-classes"] == "Package, eQuation.3"
    assert facts["equation-editor"]


def test_program_in_a_picture_is_found():
    program = b"MZ" + CONTENT
    digits = b"\n".join(program.hex().encode()[at : at + 64] for at in range(0, 2 * len(program), 64))
    assert program in open_one("rtf", rb"{\rtf1{\pict\wmetafile8 " + digits + b"}}").contents
