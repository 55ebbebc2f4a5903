"""Outlook stores (.pst, .ost up to Outlook 2010): the texts of messages and what is attached to them.

A message is a node with a list of properties; its attachments are nodes within it, as is a message that is attached.
The tree of folders is not followed: every node with properties counts, deleted ones among them. A password protects
nothing (it is not even a key), so it does not matter either.

Source: [MS-PST] 2.3 and 2.4.
"""

import encodings.utf_16_le  # noqa: F401 - a worker cannot load codecs any more
import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import rtfcompressed
from freehold.formats.pstnodes import Node, Nodes, refuse_too_deep
from freehold.formats.utf16 import little_endian_as_utf8
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, FileView, View

_HEAP, _PROPERTIES = 0xEC, 0xBC
_TREE = 0xB5
_HEAP_BYTES = 4 << 20
_TEXT_BYTES = 64 << 20
_NAME_BYTES = 4096
_RECORD = struct.Struct("<HHI")
_WIDE, _NARROW, _BINARY, _OBJECT = 0x1F, 0x1E, 0x102, 0x0D
_LONG_NAME, _SHORT_NAME, _CONTENT = 0x3707, 0x3704, 0x3701
_RTF = 0x1009
_TEXTS = {0x1000: "body.txt", 0x1013: "body.html", _RTF: "body.rtf", 0x007D: "header.txt"}
_LEVELS = 4
_NAMES = 0x61
"""The node that gives numbers to named properties: its own properties mean something else."""


class _Heap:
    """The heap of one node: small values, one block of the node's data after the other."""

    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks = blocks

    def item(self, handle: int) -> bytes:
        """Return what a handle stands for, b"" when there is nothing."""
        index, number = (handle >> 5 & 0x7FF), handle >> 16
        if handle & 0x1F or not index or number >= len(self._blocks):
            return b""
        block = self._blocks[number]
        at = int.from_bytes(block[:2], "little") + 4 + 2 * (index - 1)
        places = block[at : at + 4]
        if len(places) < 4:
            return b""
        start, end = struct.unpack("<HH", places)
        return block[start:end]

    def properties(self) -> Iterator[tuple[int, int, int]]:
        """Yield number, type and value (or the handle of it) of every property."""
        head = self.item(int.from_bytes(self._blocks[0][4:8], "little"))
        if len(head) < 8 or head[0] != _TREE or head[1:3] != b"\2\6":
            return
        handles = [int.from_bytes(head[4:8], "little")]
        for _ in range(min(head[3], _LEVELS)):
            pages = [self.item(handle) for handle in dict.fromkeys(handles)]
            handles = [
                int.from_bytes(page[at + 2 : at + 6], "little") for page in pages for at in range(0, len(page), 6)
            ]
        for handle in dict.fromkeys(handles):
            page = self.item(handle)
            yield from _RECORD.iter_unpack(page[: len(page) & ~7])


class _Values(NamedTuple):
    """The properties of a node that matter, by their numbers: type, and value or handle."""

    found: dict[int, tuple[int, int]]
    heap: _Heap


class _Store:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._nodes = Nodes(view, unpacking)
        self._unpacking = unpacking
        self._seen: set[tuple[int, int]] = set()

    def children(self) -> Iterator[Child]:
        for top in self._nodes.all():
            stack = [(0, top)] if top.number != _NAMES else []
            while stack:
                depth, node = stack.pop()
                if (node.data, node.nodes) in self._seen:
                    continue
                self._seen.add((node.data, node.nodes))
                refuse_too_deep(depth)
                inner = list(self._nodes.within(node))
                stack.extend((depth + 1, child) for child in reversed(inner))
                yield from self._contents(node, {child.number: child for child in inner})

    def _contents(self, node: Node, inner: dict[int, Node]) -> Iterator[Child]:
        """Yield what the properties of a node hold."""
        values = self._values(node)
        if values is None:
            return
        for number, name in _TEXTS.items():
            if number in values.found:
                yield from self._text(f"{node.number:x}/{name}", number, values, inner)
        kind, value = values.found.get(_CONTENT, (0, 0))
        if kind == _BINARY:
            yield self._child(self._name(values, inner) or f"{node.number:x}/attachment", value, values.heap, inner)
        elif kind == _OBJECT:
            number = int.from_bytes(values.heap.item(value)[:4], "little")
            embedded = inner.get(number)
            if embedded is not None and self._values(embedded) is None:
                yield Child(self._name(values, inner) or f"{node.number:x}/object", self._nodes.data(embedded))

    def _values(self, node: Node) -> _Values | None:
        """Return the properties of a node; None when it has no list of them."""
        blocks: list[bytes] = []
        size = 0
        for block in self._nodes.data(node):
            if not blocks and (len(block) < 12 or block[2] != _HEAP or block[3] != _PROPERTIES):
                return None
            blocks.append(block)
            size += len(block)
            if size > _HEAP_BYTES:
                self._unpacking.problem(
                    ProblemKind.LIMIT, f"node {node.number:#x} has a heap of more than {_HEAP_BYTES}"
                )
                break
        if not blocks:
            return None
        heap = _Heap(blocks)
        return _Values({number: (kind, value) for number, kind, value in heap.properties()}, heap)

    def _text(self, name: str, number: int, values: _Values, inner: dict[int, Node]) -> Iterator[Child]:
        kind, value = values.found[number]
        child = self._child(name, value, values.heap, inner)
        if number == _RTF:
            packed = BytesView(b"".join(_chunks(child)))
            if packed.size:
                yield Child(name, rtfcompressed.decompress(packed, self._unpacking))
        elif kind == _WIDE:
            text = b"".join(_chunks(child))
            if text:
                yield Child(name, [little_endian_as_utf8(text)])
        else:
            yield child

    def _child(self, name: str, handle: int, heap: _Heap, inner: dict[int, Node]) -> Child:
        """Return the value that a handle leads to: a small one is in the heap, a large one is a node of its own."""
        if handle & 0x1F:
            node = inner.get(handle)
            if node is None:
                self._unpacking.problem(ProblemKind.MALFORMED, f"node {handle:#x} is missing")
            return Child(name, self._nodes.data(node) if node else iter(()))
        return Child(name, BytesView(heap.item(handle)))

    def _name(self, values: _Values, inner: dict[int, Node]) -> str:
        for number in (_LONG_NAME, _SHORT_NAME):
            kind, handle = values.found.get(number, (0, 0))
            if kind in (_WIDE, _NARROW):
                data = b"".join(_chunks(self._child("", handle, values.heap, inner)))[:_NAME_BYTES]
                text = data.decode("utf-16-le" if kind == _WIDE else "latin-1", "replace").strip("\0")
                if text:
                    return text
        return ""


def _chunks(child: Child) -> Iterator[bytes]:
    """Yield the beginning of a value that is wanted whole."""
    if isinstance(child.content, BytesView | FileView):
        yield child.content.read(0, child.content.size)
        return
    size = 0
    for chunk in child.content:
        yield bytes(chunk)
        size += len(chunk)
        if size > _TEXT_BYTES:
            break


class _Pst:
    name = "pst"
    types = frozenset({"pst"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is damaged."""
        try:
            store = _Store(view, unpacking)
        except ValueError as error:
            unpacking.problem(ProblemKind.UNSUPPORTED, str(error))
            return
        yield from store.children()


FORMAT: Format = _Pst()
