"""Bills of materials in each of their forms, named as anybody might name a file."""

import json
from typing import Any

import pytest
from tests.engine.inventory.reading import read, values

CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {
        "component": {"name": "whole"},
        "tools": {"components": [{"name": "maker-of-lists"}]},
        "supplier": {"name": "passed over"},
    },
    "components": [
        {
            "name": "outer",
            "version": "1",
            "group": "org",
            "publisher": "P",
            "supplier": {"name": "Example & Co"},
            "purl": "pkg:deb/debian/outer@1",
            "licenses": [{"license": {"name": "wrong"}}],
            "components": [{"name": "inner"}],
        }
    ],
    "services": [{"name": "cloud", "provider": {"name": "Host"}}],
}
CYCLONEDX_VALUES = {
    *("whole", "maker-of-lists", "outer", "org", "P", "Example & Co", "pkg:deb/debian/outer@1", "inner"),
    *("cloud", "Host"),
}
XML = b"""<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6">
<metadata><component type="file"><name>whole</name></component></metadata>
<components><component type="library" bom-ref="a">
  <supplier><name>Example &amp; Co</name><url>https://x</url></supplier><publisher>P</publisher><group>org</group>
  <name>outer</name><version>1</version><licenses><license><name>wrong</name></license></licenses>
  <purl>pkg:deb/debian/outer@1</purl><properties><property name="a"/><property name="b">x</property></properties>
  <components><component type="library"><name>inner</name></component></components>
</component></components></bom>"""
SPDX: dict[str, Any] = {
    "SPDXID": "SPDXRef-DOCUMENT",
    "spdxVersion": "SPDX-2.3",
    "name": "wrong",
    "packages": [
        {
            "name": "tool",
            "versionInfo": "1",
            "supplier": "Organization: Example (mail@example)",
            "originator": "NOASSERTION",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:npm/tool@1"}, {"referenceType": "cpe"}],
        }
    ],
}
TAGS = b"""SPDXVersion: SPDX-2.3
DocumentName: wrong
PackageName: tool
PackageSupplier: Organization: Example (mail@example)
PackageComment: <text>PackageNames: no</text>
ExternalRef: PACKAGE-MANAGER purl pkg:npm/tool@1
ExternalRef: SECURITY cpe23Type cpe:2.3:a:wrong
"""
SPDX3 = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {"type": "software_Package", "name": "tool", "software_packageUrl": "pkg:npm/tool@1"},
        {"type": "Organization", "name": "Example"},
        {"type": "Person", "name": "wrong"},
    ],
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps(CYCLONEDX).encode(), CYCLONEDX_VALUES),
        (json.dumps(CYCLONEDX, indent=4, sort_keys=True).encode("utf-8-sig"), CYCLONEDX_VALUES),
        (XML, CYCLONEDX_VALUES - {"cloud", "Host", "maker-of-lists"}),
        (XML.replace(b"<", b"<b:").replace(b"<b:/", b"</b:"), CYCLONEDX_VALUES - {"cloud", "Host", "maker-of-lists"}),
        (json.dumps(SPDX).encode(), {"tool", "Example", "NOASSERTION", "pkg:npm/tool@1"}),
        (json.dumps(SPDX, sort_keys=True).encode(), {"tool", "Example", "NOASSERTION", "pkg:npm/tool@1"}),
        (TAGS, {"tool", "Example", "pkg:npm/tool@1"}),
        (json.dumps(SPDX3).encode(), {"tool", "Example", "pkg:npm/tool@1"}),
    ],
)
def test_components_suppliers_and_package_urls(content: bytes, expected: set[str]) -> None:
    found = values("anything", content)
    assert {value for _, value in found} == expected
    assert {kind for kind, _ in found} == {"component"}


def test_an_offset_leads_to_the_value() -> None:
    for item in read("bom.xml", XML):
        assert XML[item.offset :].startswith(item.value.replace("&", "&amp;").encode())


@pytest.mark.parametrize(
    "content", [b'{"name": "outer", "components": [{"name": "tool"}]}', b"tool SPDXVersion: no", b""]
)
def test_what_is_no_bill_says_nothing(content: bytes) -> None:
    assert values("bom.json", content) == []


def test_depth_costs_nothing() -> None:
    assert values("x", b"<bom xmlns='http://cyclonedx.org/schema/bom/1.6'>" + b"<component>" * 100_000) == []
