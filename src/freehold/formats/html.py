"""HTML pages: scripts, what ``data:`` addresses carry, pages in attributes, and whatever else is encoded in the text.

Matchers make the normal forms of pages themselves (``engine.normalise``); here only what is a content of its own
comes out.
"""

import re
from collections.abc import Iterator

from freehold.formats.script import encoded_in
from freehold.formats.transfer import decode_base64
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_PAGE_BYTES = 64 << 20
_SHORTEST_SCRIPT = 64
_SHORTEST_PAYLOAD = 16
_MOST = 5000
_SCRIPT = re.compile(rb"<script\b([^>]{0,4096}+)>", re.IGNORECASE)
_NO_SCRIPT = re.compile(
    rb"type\s*=\s*[\"']?(?:application/(?:ld\+)?json|text/(?:html|x-template|template))", re.IGNORECASE
)
_ADDRESS = re.compile(
    rb"data:(?:[\w.+-]{1,64}/[\w.+-]{1,128})?(?:;(?!base64)[\w.+=-]{1,128})*(;base64)?,([^\"'()<>\\]++)", re.IGNORECASE
)
_PAGE = re.compile(rb"srcdoc\s{0,16}=\s{0,16}(?:\"([^\"]{16,})\"|'([^']{16,})')", re.IGNORECASE)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ENTITIES = ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&#39;", b"'"), (b"&#34;", b'"'), (b"&amp;", b"&"))


class _Page:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._data = view.read(0, _PAGE_BYTES)
        self._lower = self._data.lower()
        self._count = 0

    def children(self) -> Iterator[Child]:
        if self._view.size > _PAGE_BYTES:
            self._unpacking.problem(ProblemKind.LIMIT, f"only the first {_PAGE_BYTES} bytes were opened")
        yield from self._scripts()
        yield from self._addresses()
        yield from self._pages()
        yield from encoded_in(self._data, self._unpacking, addresses=False)

    def _places(self, keyword: bytes) -> Iterator[int]:
        """Yield where a keyword stands, in whatever case."""
        at = self._lower.find(keyword)
        while at >= 0:
            yield at
            at = self._lower.find(keyword, at + len(keyword))

    def _scripts(self) -> Iterator[Child]:
        at = self._lower.find(b"<script")
        while at >= 0:
            found = _SCRIPT.match(self._data, at)
            if found is None:
                at = self._lower.find(b"<script", at + 1)
                continue
            end = self._lower.find(b"</script", found.end())
            behind = end if end >= 0 else len(self._data)
            at = self._lower.find(b"<script", behind)
            length = behind - found.end()
            if length >= _SHORTEST_SCRIPT and not _NO_SCRIPT.search(found[1]) and self._one_more():
                yield Child(f"script-{self._count}", self._view.slice(found.end(), length))

    def _addresses(self) -> Iterator[Child]:
        for at in self._places(b"data:"):
            found = _ADDRESS.match(self._data, at)
            if found is None or len(found[2]) < _SHORTEST_PAYLOAD or not self._one_more():
                continue
            payload = found[2]
            if b"%" in payload:
                payload = _PERCENT.sub(lambda escape: bytes((int(escape[1], 16),)), payload)
            content = decode_base64(payload, 0, len(payload)) if found[1] else iter([payload])
            yield Child(f"data-{self._count}", content)

    def _pages(self) -> Iterator[Child]:
        for at in self._places(b"srcdoc"):
            found = _PAGE.match(self._data, at)
            if found is None or not self._one_more():
                continue
            page = found[1] or found[2]
            for entity, character in _ENTITIES:
                page = page.replace(entity, character)
            yield Child(f"page-{self._count}", [page])

    def _one_more(self) -> bool:
        """Count a child; beyond the limit, which no honest page reaches, there is one problem and no more."""
        self._count += 1
        if self._count == _MOST + 1:
            self._unpacking.problem(ProblemKind.LIMIT, f"the page carries more than {_MOST} things")
        return self._count <= _MOST


class _Html:
    name = "html"
    types = frozenset({"html"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from _Page(view, unpacking).children()


FORMAT: Format = _Html()
