"""Parts of Office packages, judged one by one: what a part says that a reader would do when it opens the document.

A relation to the outside may load a template, a picture or an object from the network; a field may start a program by
DDE; a manifest says which members are encrypted. Each becomes a fact of the part that says so.

Source: ECMA-376 part 2 section 6.5, part 1 section 17.16; OpenDocument 1.3 parts 2 and 3.
"""

import re
from collections.abc import Iterator

from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind

_FACT_LETTERS = 2000
_MOST = 200
_RELATION = re.compile(rb"<(?:[\w.-]{1,64}:)?Relationship\s([^<>]{0,8192}+)>")
_ATTRIBUTE = re.compile(rb"""([\w:.-]{1,64})\s{0,16}=\s{0,16}(?:"([^"<]{0,8192}+)"|'([^'<]{0,8192}+)')""")
_FIELD = re.compile(
    rb"""<(?:\w{1,32}:)?instrText(?:\s[^<>]{0,256}+)?>([^<]{0,8192}+)|\binstr\s{0,16}=\s{0,16}["']([^"'<]{0,8192}+)"""
)
_ELEMENT_BYTES = 40
_DDE = re.compile(rb"\bDDE(?:AUTO)?\b.{0,1000}", re.IGNORECASE | re.DOTALL)
_DDE_LINK = re.compile(rb"<(?:\w{1,32}:)?(?:ddeLink|dde-source|dde-connection-decl)\s([^<>]{0,4096}+)>")
_EVENT = re.compile(rb"""<script:event-listener\s([^<>]{0,4096}+)>""")
_ENCRYPTED = re.compile(rb"<(?:\w{1,32}:)?(?:encryption-data|encrypted-key|EncryptedKey)\b")
_FORMULA = re.compile(rb"<(?:\w{1,32}:)?f(?:\s[^<>]{0,512}+)?>([^<]{1,32768}+)</")
_MODULE = re.compile(rb"<(?:\w{1,32}:)?module\s([^<>]{0,1024}+)>([^<]{0,67108864}+)<")
_ENTITY = re.compile(rb"&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));")
_NAMED = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"', b"apos": b"'"}
_ACTIVE = {
    b"vbaProject": "macros",
    b"wordVbaData": "macros",
    b"xlMacrosheet": "macro sheet",
    b"xlIntlMacrosheet": "macro sheet",
    b"oleObject": "embedded object",
    b"package": "embedded document",
    b"control": "control",
    b"activeXControlBinary": "control",
    b"extensibility": "custom user interface",
    b"afChunk": "alternative content",
    b"frame": "frame",
}
"""What relations of a type mean, by the end of the type."""
_KINDS = ((b"wordprocessingml", "word"), (b"ms-word", "word"), (b"spreadsheetml", "excel"), (b"ms-excel", "excel"),
          (b"presentationml", "powerpoint"), (b"ms-powerpoint", "powerpoint"), (b"ms-visio", "visio"))  # fmt: skip


def children(root: bytes, data: bytes, unpacking: Unpacking) -> Iterator[Child]:
    """Record facts about a part, and yield what it holds as text that is source."""
    if root in _READERS:
        _READERS[root](data, unpacking)
    if root == b"macrosheet":
        yield from _formulas(data, unpacking)
    elif root == b"module":
        yield from _basic(data)
    if b"instr" in data:
        _fields(data, unpacking)
    if b"dde" in data:
        _fact(unpacking, "dde", _DDE_LINK.findall(data))
    if b"event-listener" in data:
        _fact(unpacking, "script-events", [_attributes(text).get("xlink:href", b"") for text in _EVENT.findall(data)])


def plain(text: bytes) -> bytes:
    """Return text with its predefined and numeric entities replaced."""
    return _ENTITY.sub(_character, text) if b"&" in text else text


def _character(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return _NAMED[found[1]]
    code = int(found[2]) if found[2] else int(found[3], 16)
    return chr(code).encode("utf-8", "replace") if code < 0x110000 else b""


def _attributes(text: bytes) -> dict[str, bytes]:
    return {found[1].decode("latin-1"): plain(found[2] or found[3] or b"") for found in _ATTRIBUTE.finditer(text)}


def _fact(unpacking: Unpacking, key: str, values: list[bytes]) -> None:
    text = b" ".join(dict.fromkeys(value for value in values[:_MOST] if value))
    if text:
        unpacking.fact(key, text.decode("utf-8", "replace")[:_FACT_LETTERS])


def _relations(data: bytes, unpacking: Unpacking) -> None:
    external: list[bytes] = []
    active: dict[str, None] = {}
    links = 0
    for found in _RELATION.finditer(data):
        attributes = _attributes(found[1])
        kind = attributes.get("Type", b"").rstrip(b"/").rpartition(b"/")[2]
        outside = attributes.get("TargetMode", b"").lower() == b"external"
        if outside and kind == b"hyperlink":
            links += 1
        elif outside and len(external) < _MOST:
            external.append(kind + b"=" + attributes.get("Target", b""))
        if kind in _ACTIVE:
            active[_ACTIVE[kind]] = None
        unpacking.budget.tick()
    _fact(unpacking, "external-relations", external)
    if links:
        unpacking.fact("links", links)
    if active:
        unpacking.fact("active-content", ", ".join(active))


def _types(data: bytes, unpacking: Unpacking) -> None:
    kind = next((kind for part, kind in _KINDS if part in data), None)
    if kind:
        unpacking.fact("document", kind)
    if b"macroEnabled" in data or b"vbaProject" in data:
        unpacking.fact("macros", True)
    if b"macrosheet" in data:
        unpacking.fact("macro-sheets", True)


def _manifest(data: bytes, unpacking: Unpacking) -> None:
    if _ENCRYPTED.search(data):
        unpacking.problem(ProblemKind.ENCRYPTED, "members of the document are encrypted")


def _custom_ui(_data: bytes, unpacking: Unpacking) -> None:
    unpacking.fact("custom-ui", True)


def _fields(data: bytes, unpacking: Unpacking) -> None:
    """Look for DDE in the instructions of fields, which may be cut into any number of runs."""
    found = _DDE.search(plain(b"".join(_instructions(data))))
    if found:
        _fact(unpacking, "dde", [found[0].strip()])


def _instructions(data: bytes) -> Iterator[bytes]:
    """Yield the instructions of fields, in elements and in attributes; the literal is found faster than expressions."""
    at = data.find(b"instr")
    while at >= 0:
        element = data.rfind(b"<", max(at - _ELEMENT_BYTES, 0), at)
        found = (_FIELD.match(data, element) if element >= 0 else None) or _FIELD.match(data, at)
        if found:
            yield found[1] or found[2] or b""
        at = data.find(b"instr", found.end() if found else at + 5)


def _formulas(data: bytes, unpacking: Unpacking) -> Iterator[Child]:
    unpacking.fact("macro-sheets", True)
    formulas = b"\n".join(b"=" + plain(text) for text in _FORMULA.findall(data))
    if formulas:
        yield Child("formulas", [formulas])


def _basic(data: bytes) -> Iterator[Child]:
    """Yield the source of a module of OpenDocument's Basic."""
    found = _MODULE.search(data)
    source = plain(found[2]).strip() if found else b""
    if found and source:
        name = _attributes(found[1]).get("script:name", b"module").decode("utf-8", "replace")
        yield Child(f"macro:{name}", [source])


_READERS = {b"Relationships": _relations, b"Types": _types, b"manifest": _manifest, b"customUI": _custom_ui}
"""What looks at a part, by the name of its root."""
