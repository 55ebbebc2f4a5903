"""Office documents, forms and components as XML, against Python's own XML writer."""

import base64
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.driver import open_one
from tests.formats.office_samples import ENTITIES

from freehold.engine.identify import identify
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

PACKAGE = "{http://schemas.microsoft.com/office/2006/xmlPackage}"
RELATIONS = (
    b'<?xml version="1.0"?>\n<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="r1" Type="http://schemas/relationships/%s" Target="%s"%s/></Relationships>'
)
EXTERNAL = b' TargetMode="External"'


def facts(data):
    assert identify(BytesView(data)) == "xml"
    return open_one("xml", data).collector.facts


@given(
    st.dictionaries(st.text("abcäß", min_size=1, max_size=9), st.binary(min_size=1, max_size=300), max_size=4),
    st.integers(1, 80),
    st.sampled_from(["pkg", "p"]),
)
def test_parts_of_a_flat_package(parts, width, prefix):
    ET.register_namespace(prefix, PACKAGE[1:-1])
    root = ET.Element(f"{PACKAGE}package")
    for name, content in parts.items():
        part = ET.SubElement(root, f"{PACKAGE}part", {f"{PACKAGE}name": f"/{name}"})
        digits = base64.b64encode(content).decode()
        lines = "\n  ".join(digits[at : at + width] for at in range(0, len(digits), width))
        ET.SubElement(part, f"{PACKAGE}binaryData").text = lines
    opened = open_one("xml", ET.tostring(root, encoding="utf-8", xml_declaration=True))
    assert dict(opened.members) == {f"/{name}": content for name, content in parts.items()}
    assert opened.collector.problems == []


@pytest.mark.parametrize(
    ("data", "key", "value"),
    [
        (RELATIONS % (b"attachedTemplate", b"http://a.example/x.dotm?a=1&amp;b", EXTERNAL), "external-relations",
         "attachedTemplate=http://a.example/x.dotm?a=1&b"),
        (RELATIONS % (b"oleObject", b"mhtml:http://a.example!x-usc:b", EXTERNAL), "external-relations",
         "oleObject=mhtml:http://a.example!x-usc:b"),
        (RELATIONS % (b"hyperlink", b"http://a.example", EXTERNAL), "links", 1),
        (RELATIONS % (b"vbaProject", b"vbaProject.bin", b""), "active-content", "macros"),
        (RELATIONS % (b"ui/extensibility", b"customUI.xml", b""), "active-content", "custom user interface"),
        ((b'<?xml version="1.0"?><Types xmlns="x"><Override ContentType="application/vnd.ms-word.document.macroEnabled'
         b'.main+xml"/></Types>'), "macros", True),
        ((b'<?xml version="1.0"?><Types xmlns="x"><Override ContentType="application/vnd.openxmlformats-officedocument.'
         b'presentationml.presentation.main+xml"/></Types>'), "document", "powerpoint"),
        ((b'<w:document xmlns:w="w"><w:instrText>D</w:instrText><w:r/><w:instrText xml:space="preserve">DEAUTO c:\\x '
         b"&quot;/k y&quot;</w:instrText></w:document>"), "dde", 'DDEAUTO c:\\x "/k y"'),
        (b'<w:document xmlns:w="w"><w:fldSimple w:instr=" dde a b "/></w:document>', "dde", "dde a b"),
        (b'<externalLink xmlns="x"><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>', "dde",
         'ddeService="cmd" ddeTopic="/c calc"/'),
        (b'<customUI xmlns="x" onLoad="Run"/>', "custom-ui", True),
        ((b'<?xml version="1.0"?><office:document-content xmlns:office="o"><script:event-listener script:event-name='
         b'"dom:load" xlink:href="vnd.sun.star.script:a?b&amp;c"/></office:document-content>'), "script-events",
         "vnd.sun.star.script:a?b&c"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a xmlns="b">&x;</a>'.replace(b"<!", b"<?xml ?><!", 1),
         "external-entities", "file:///etc/passwd"),
    ],
)  # fmt: skip
def test_what_a_part_says_of_itself(data, key, value):
    assert facts(data)[key] == value


def test_quiet_parts_say_nothing():
    assert facts(RELATIONS % (b"styles", b"styles.xml", b"")).keys() == {"root"}
    assert facts(b'<w:document xmlns:w="w"><w:instrText>PAGE</w:instrText></w:document>').keys() == {"root"}


def test_encrypted_members_of_opendocument_are_reported():
    manifest = (
        b'<?xml version="1.0"?><manifest:manifest xmlns:manifest="m"><manifest:file-entry manifest:full-path="a">'
        b"<manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
    )
    assert open_one("xml", manifest).kinds == {ProblemKind.ENCRYPTED}
    assert open_one("xml", manifest.replace(b"encryption-data", b"algorithm")).kinds == set()


def test_entities_are_counted_and_never_expanded():
    opened = open_one("xml", ENTITIES)
    assert opened.kinds == {ProblemKind.LIMIT}
    assert opened.collector.facts["entities"] == 12
    assert opened.members == []


@pytest.mark.parametrize(
    "entities",
    [
        b"".join(b'<!ENTITY e%d "%s">' % (at, b"&e%d;" % (at + 1) * 20) for at in range(1900)),
        b"".join(b'<!ENTITY e%d "">' % at for at in range(3000)),
        b'<!ENTITY a "%s">' % (b"&b;" * 300_000),
        b'<!ENTITY a "' * 100_000,
        b"<!ENTITY " * 200_000,
    ],
    ids=["deep", "many", "references", "unfinished", "empty"],
)
def test_floods_of_entities_end(entities):
    opened = open_one("xml", b'<?xml version="1.0"?><!DOCTYPE x [' + entities + b"]><x/>")
    assert not any("seconds" in detail for _, detail in opened.collector.problems)


def test_entities_within_reason_are_no_problem():
    data = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><x>&c;</x>'
    assert open_one("xml", data).collector.problems == []


@pytest.mark.parametrize(
    "flood",
    [b"<a>" * 500_000, b"<!--" * 200_000, b"<![CDATA[" * 200_000, b"<script " * 200_000, b"<binaryData" * 200_000,
     b"<f>" * 300_000, b"<x:instrText>" * 100_000],
    ids=lambda flood: flood[:12].decode(),
)  # fmt: skip
@pytest.mark.parametrize("root", [b"pkg:package", b"macrosheet", b"w:document"])
def test_floods_end(flood, root):
    opened = open_one("xml", b'<?xml version="1.0"?><' + root + b' xmlns="x">' + flood)
    assert not any("seconds" in detail for _, detail in opened.collector.problems)


@pytest.mark.parametrize(
    ("start", "file_type"),
    [
        (b"<?xml version='1.0'?><html><body/>", "html"),
        (b"<?xml version='1.0'?><svg onload='x'/>", "html"),
        (b"<?xml version='1.0'?><x/>", "xml"),
        (b"\xef\xbb\xbf\r\n<w:document xmlns:w='x'>", "xml"),
        (b"<?xml version='1.0'?><HWPML Version='2'><HEAD/>", "xml"),
        (b"<?php echo 1;", "text"),
        (b"< and > are no elements", "text"),
    ],
)
def test_what_is_xml(start, file_type):
    assert identify(BytesView(start)) == file_type
