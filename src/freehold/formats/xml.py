"""XML: what Office documents, forms and script components carry in it, and what they say of themselves.

Nothing is parsed into a tree and no entity is expanded: elements are found by their names, as a reader would find them
that cares for nothing else. So depth costs nothing, and entities that multiply are only counted (``xmlentities``).
The root element decides what is looked for: binary parts of flat packages (Flat OPC, Word and Excel 2003, flat ODF,
HWPML, XDP), relations of Office packages (``officexml``), scripts and CDATA in everything.

Source: ECMA-376 parts 1 and 2, [MS-OFFXML], OpenDocument 1.3, XDP 2.0, HWPML.
"""

import re
from collections.abc import Iterator

from freehold.formats import officexml, xmlentities
from freehold.formats.inflate import DEFLATE
from freehold.formats.script import encoded_in
from freehold.formats.streams import Stream
from freehold.formats.transfer import decode_base64
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_BYTES = 64 << 20
_MOST = 10_000
_SHORTEST_SCRIPT = 64
_NAME_BEFORE = 1024
_CDATA, _CDATA_END = b"<![CDATA[", b"]]>"
_TAG = re.compile(rb"<(?:[\w.-]{1,64}:)?([\w.-]{1,64})((?:\s[^<>]{0,4096}+)?)>")
_ROOT = re.compile(rb"<((?:[\w.-]{1,64}:)?([\w.-]{1,64}))(?=[\s/>])")
_PROLOG_ENDS = ((b"<?", b"?>"), (b"<!--", b"-->"), (b"<!", b">"))
_NAMED = re.compile(rb"""[\w:-]{0,16}(?:name|Id)\s*=\s*["']([^"'<>]{1,512})["']""")
_PACKED = re.compile(rb"""Compress\s*=\s*["']true["']""", re.IGNORECASE)
_PAYLOADS = {
    b"wordDocument": (b"binData", b"docOleData"),
    b"Workbook": (b"binData",),
    b"presentation": (b"binData",),
    b"package": (b"binaryData", b"binData"),
    b"HWPML": (b"BINDATA", b"SCRIPTCODE"),
    b"xdp": (b"chunk",),
    b"document": (b"binary-data", b"binData"),
}
"""The elements whose text is base64, by the name of the root."""


class _Document:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._data = view.read(0, _BYTES)
        self._count = 0

    def children(self) -> Iterator[Child]:
        if self._view.size > _BYTES:
            self._unpacking.problem(ProblemKind.LIMIT, f"only the first {_BYTES} bytes were opened")
        root = root_name(self._data)
        self._unpacking.fact("root", root.decode("latin-1"))
        xmlentities.look_at(self._data, self._unpacking)
        yield from officexml.children(root, self._data, self._unpacking)
        taken: list[tuple[int, int]] = []
        for element in _PAYLOADS.get(root, ()):
            yield from self._payloads(element, taken)
        yield from self._scripts()
        yield from encoded_in(self._without(taken), self._unpacking)

    def _payloads(self, element: bytes, taken: list[tuple[int, int]]) -> Iterator[Child]:
        for attributes, start, end in elements(self._data, element):
            taken.append((start, end))
            if not self._one_more():
                return
            content = decode_base64(self._data, start, end)
            name = self._name(start, f"{element.decode()}-{self._count}")
            if _PACKED.search(attributes):
                packed = Stream(BytesView(b"".join(content)), 0, DEFLATE, self._unpacking, label=name)
                yield Child(name, packed.chunks(), packed.consumed)
            else:
                yield Child(name, content)

    def _name(self, start: int, otherwise: str) -> str:
        """Return the last name that stands before a payload: in its own element, or in the one around it."""
        names = _NAMED.findall(self._data, max(start - _NAME_BEFORE, 0), start)
        return names[-1].decode("utf-8", "surrogateescape") if names else otherwise

    def _scripts(self) -> Iterator[Child]:
        """Yield sections of CDATA, and the text of every element that is called ``script``."""
        for _, start, end in elements(self._data, b"script"):
            if not self._data[start:end].lstrip().startswith(_CDATA):
                yield from self._script(start, end)
        at = self._data.find(_CDATA)
        while at >= 0:
            start = at + len(_CDATA)
            end = self._data.find(_CDATA_END, start)
            end = len(self._data) if end < 0 else end
            yield from self._script(start, end)
            at = self._data.find(_CDATA, end)

    def _script(self, start: int, end: int) -> Iterator[Child]:
        if end - start >= _SHORTEST_SCRIPT and self._one_more():
            yield Child(f"script-{self._count}", self._view.slice(start, end - start))

    def _one_more(self) -> bool:
        self._count += 1
        if self._count == _MOST + 1:
            self._unpacking.problem(ProblemKind.LIMIT, f"the document carries more than {_MOST} things")
        self._unpacking.budget.tick()
        return self._count <= _MOST

    def _without(self, taken: list[tuple[int, int]]) -> bytes:
        """Return the text without the payloads that have been decoded."""
        if not taken:
            return self._data
        taken.sort()
        starts = [0, *(end for _, end in taken)]
        ends = [*(start for start, _ in taken), len(self._data)]
        return b"\n".join(self._data[start:end] for start, end in zip(starts, ends, strict=True))


def root_name(data: bytes) -> bytes:
    """Return the local name of the root element, b"" when there is none."""
    at = data.find(b"<")
    while at >= 0:
        found = _ROOT.match(data, at)
        if found:
            return found[2]
        ending = next((end for begin, end in _PROLOG_ENDS if data.startswith(begin, at)), None)
        if ending is None:
            break
        end = data.find(ending, at)
        at = data.find(b"<", end) if end >= 0 else -1
    return b""


def elements(data: bytes, name: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield attributes, start and end of the text of every element with a local name; text ends at the first tag."""
    at = data.find(name)
    while at >= 0:
        found = _TAG.match(data, data.rfind(b"<", max(at - 66, 0), at)) if at else None
        behind = at + len(name)
        if found and found[1] == name and not found[2].endswith(b"/"):
            behind = found.end()
            end = _end_of_text(data, behind)
            yield found[2], behind, end
            behind = end
        at = data.find(name, behind)


def _end_of_text(data: bytes, start: int) -> int:
    """Return where text ends; sections of CDATA belong to it."""
    end = data.find(b"<", start)
    while end >= 0 and data.startswith(_CDATA, end):
        behind = data.find(_CDATA_END, end)
        end = data.find(b"<", behind) if behind >= 0 else -1
    return end if end >= 0 else len(data)


class _Xml:
    name = "xml"
    types = frozenset({"xml"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from _Document(view, unpacking).children()


FORMAT: Format = _Xml()
