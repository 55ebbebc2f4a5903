"""Bills of materials: the components that they list, with supplier and package URL.

CycloneDX (JSON, XML) and SPDX (2 as JSON and as tags with values, 3 as JSON).

Source: https://cyclonedx.org/specification/overview/, https://spdx.github.io/spdx-spec/
"""

import re
from collections.abc import Iterator
from typing import Any

from freehold.engine.inventory.content import mapping, read_json, sequence, text, whole
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind

_ENDS = 4096
_MARKS = (
    b'"bomFormat"',
    b'"SPDXID"',
    b'"spdxVersion"',
    b"spdx.org/rdf/3",
    b"cyclonedx.org/schema/bom",
    b"SPDXVersion:",
)
_TAG = re.compile(rb"<(/?)(?:[\w.-]{1,64}:)?([\w.-]{1,64})(?:\s[^<>]{0,4096})?>([^<]{0,1024})")
_PLAIN = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&"))
_OWNERS = frozenset({b"component", b"service", b"supplier", b"manufacturer", b"provider"})
_TELLING = {b"name": "name", b"group": "group", b"publisher": "publisher", b"purl": "package URL"}
_DEEPEST = 256
_LINE = re.compile(
    rb"^(PackageName|PackageSupplier|PackageOriginator|ExternalRef):[ \t]*"
    rb"(?:(?:Organization|Person):[ \t]*|PACKAGE[-_]MANAGER[ \t]+purl[ \t]+)?([^\r\n]{1,1024})",
    re.MULTILINE,
)
_WHO = re.compile(r"^(?:Organization|Person):\s*|\s*\([^()]*\)$")


def reads(artifact: Artifact) -> bool:
    """Whether a bill of materials is recognised at its beginning or end."""
    head = artifact.view.read(0, _ENDS)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {b"{", b"<", b"S"}:
        return False
    tail = artifact.view.read(max(0, artifact.view.size - _ENDS), _ENDS)
    return any(mark in head or mark in tail for mark in _MARKS)


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield names, suppliers and package URLs of components."""
    first = artifact.view.read(0, 64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first == b"{":
        content = mapping(read_json(artifact, budget))
        yield from _cyclonedx(content, budget)
        yield from _spdx(content, budget)
        yield from _spdx3(content, budget)
    elif first == b"<":
        yield from _xml(whole(artifact, budget), budget)
    else:
        yield from _tags(whole(artifact, budget), budget)


def _cyclonedx(content: dict[str, Any], budget: Budget) -> Iterator[Item]:
    metadata = mapping(content.get("metadata"))
    left = [metadata.get("component"), *_parts(metadata.get("tools")), *_parts(content)]
    while left:
        budget.tick()
        component = mapping(left.pop())
        left += _parts(component)
        version = text(component.get("version"))
        for key in ("name", "group", "publisher", "author", "purl"):
            yield from _component(component.get(key), f"{key} {version}")
        for key in ("supplier", "manufacturer", "provider"):
            yield from _component(mapping(component.get(key)).get("name"), f"{key} of {text(component.get('name'))}")


def _parts(content: Any) -> list[Any]:
    return [*sequence(mapping(content).get("components")), *sequence(mapping(content).get("services"))]


def _spdx(content: dict[str, Any], budget: Budget) -> Iterator[Item]:
    for package in map(mapping, sequence(content.get("packages"))):
        budget.tick()
        name = text(package.get("name"))
        yield from _component(name, f"name {text(package.get('versionInfo'))}")
        for key in ("supplier", "originator"):
            yield from _component(_WHO.sub("", text(package.get(key))), f"{key} of {name}")
        for reference in map(mapping, sequence(package.get("externalRefs"))):
            if reference.get("referenceType") == "purl":
                yield from _component(reference.get("referenceLocator"), f"package URL of {name}")


def _spdx3(content: dict[str, Any], budget: Budget) -> Iterator[Item]:
    for element in map(mapping, sequence(content.get("@graph"))):
        budget.tick()
        kind = text(element.get("type"))
        if kind.endswith("Package"):
            yield from _component(element.get("name"), f"name {text(element.get('software_packageVersion'))}")
            yield from _component(element.get("software_packageUrl"), "package URL")
        elif kind == "Organization":
            yield from _component(element.get("name"), "organisation")


def _component(value: Any, detail: str) -> Iterator[Item]:
    if text(value):
        yield Item(IndicatorKind.COMPONENT, text(value), detail.strip())


def _xml(data: bytes, budget: Budget) -> Iterator[Item]:
    """Yield what stands right below a component or whoever made it; everything else (licences, …) is passed over."""
    above: list[bytes] = []
    for tag in _TAG.finditer(data):
        budget.tick()
        closing, name, value = tag.groups()
        if closing:
            while above and above.pop() != name:
                pass
            continue
        if above and above[-1] in _OWNERS and name in _TELLING and value.strip():
            for written, meant in _PLAIN:
                value = value.replace(written, meant)
            detail = f"{_TELLING[name]} of {above[-1].decode()}"
            yield Item(IndicatorKind.COMPONENT, value.strip().decode("utf-8", "replace"), detail, tag.start(3))
        if data[tag.end(2) : tag.start(3)][-2:] != b"/>" and len(above) < _DEEPEST:
            above.append(name)


def _tags(data: bytes, budget: Budget) -> Iterator[Item]:
    for line in _LINE.finditer(data):
        budget.tick()
        value = _WHO.sub("", line[2].decode("utf-8", "replace").strip())
        if line[1] != b"ExternalRef" or value.startswith("pkg:"):
            yield Item(IndicatorKind.COMPONENT, value, line[1].decode(), line.start(2))
