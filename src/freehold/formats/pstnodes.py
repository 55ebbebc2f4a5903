"""The lower layer of an Outlook store: two B-trees, which say what data each node has and where each block lies.

Blocks are looked up in the file's own tree, whose pages are kept only while they are few, so that a store of many
gigabytes needs no more memory than a small one. Nothing is followed twice.

Source: [MS-PST] 2.2.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import pstencoding
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MAGIC = b"!BDN"
_PAGE = 512
_DEPTH = 8
_KEPT_PAGES = 1024
_BLOCK_BYTES = 8192
_INTERNAL = 2
_PERMUTED, _CYCLIC = 1, 2
_WIDE_VERSION, _LARGE_PAGES_VERSION = 20, 36
_DATA_TREE, _SUBNODES = 1, 2


class Node(NamedTuple):
    """A node, or a node within one.

    Attributes:
        number: its five lowest bits say what it is.
        data: number of its block of data, or of the tree of them; 0 for none.
        nodes: number of the block that lists the nodes within it; 0 for none.
    """

    number: int
    data: int
    nodes: int


class _Layout(NamedTuple):
    """What differs between stores of Outlook 97 and of Outlook 2003."""

    roots: int
    encoding: int
    counts: int
    branch: struct.Struct
    leaf: struct.Struct
    block: struct.Struct
    number: struct.Struct
    subnode: struct.Struct
    subbranch: struct.Struct
    subnodes_at: int


_NARROW = _Layout(184, 461, 496, struct.Struct("<3I"), struct.Struct("<4I"), struct.Struct("<2IHH"),
                  struct.Struct("<I"), struct.Struct("<3I"), struct.Struct("<2I"), 4)  # fmt: skip
_WIDE = _Layout(216, 513, 488, struct.Struct("<3Q"), struct.Struct("<I4xQQI4x"), struct.Struct("<2QHH4x"),
                struct.Struct("<Q"), struct.Struct("<I4xQQ"), struct.Struct("<I4xQ"), 8)  # fmt: skip


class Nodes:
    """The nodes of one store."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        """Raises ``MalformedInput`` when the header is damaged, ``ValueError`` when its kind is unknown."""
        header = view.read(0, 564)
        if len(header) < 564 or not header.startswith(MAGIC):
            raise MalformedInput("the header of the Outlook store is damaged or cut off")
        version = int.from_bytes(header[10:12], "little")
        if version >= _LARGE_PAGES_VERSION:
            raise ValueError(f"version {version} of Outlook stores")
        self._view = view
        self._unpacking = unpacking
        self._layout = layout = _WIDE if version >= _WIDE_VERSION else _NARROW
        self._encoding = header[layout.encoding]
        if self._encoding > _CYCLIC:
            raise ValueError(f"encoding {self._encoding} of Outlook stores")
        number, narrow = layout.number, layout.number.size
        (self._nodes,) = number.unpack_from(header, layout.roots + narrow)
        (self._blocks,) = number.unpack_from(header, layout.roots + 3 * narrow)
        self._pages: dict[int, tuple[int, list[tuple[int, ...]]]] = {}

    def all(self) -> Iterator[Node]:
        """Yield the nodes at the top."""
        seen = set()
        stack = [self._nodes]
        while stack:
            position = stack.pop()
            if position in seen:
                continue
            seen.add(position)
            level, entries = self._page(position, self._layout.leaf)
            if level:
                stack.extend(entry[2] for entry in reversed(entries))
            else:
                yield from (Node(entry[0], entry[1], entry[2]) for entry in entries)

    def within(self, node: Node) -> Iterator[Node]:
        """Yield the nodes that lie directly in a node."""
        stack, seen = [node.nodes], set()
        while stack:
            number = stack.pop()
            if not number or number in seen:
                continue
            seen.add(number)
            data = self._block(number)
            if len(data) < 8 or data[0] != _SUBNODES:
                self._damaged(f"block {number:#x} lists no nodes")
                continue
            shape = self._layout.subbranch if data[1] else self._layout.subnode
            for entry in _entries(data[self._layout.subnodes_at :], shape, data[2] | data[3] << 8):
                if data[1]:
                    stack.append(entry[1])
                else:
                    yield Node(entry[0], entry[1], entry[2])

    def data(self, node: Node) -> Iterator[bytes]:
        """Yield the blocks of a node's data."""
        stack, seen, size = [node.data], set(), 0
        while stack:
            number = stack.pop()
            if not number & _INTERNAL:
                block = self._block(number) if number else b""
                size += len(block)
                if size > self._view.size:
                    self._damaged(f"node {node.number:#x} has more data than the store")
                    return
                if block:
                    yield block
                continue
            data = self._block(number) if number not in seen else b""
            seen.add(number)
            if len(data) < 8 or data[0] != _DATA_TREE:
                self._damaged(f"block {number:#x} is no list of blocks")
                continue
            inner = [entry[0] for entry in _entries(data[8:], self._layout.number, data[2] | data[3] << 8)]
            deeper = data[1] > 1
            stack.extend(entry for entry in reversed(inner) if deeper or not entry & _INTERNAL)

    def _block(self, number: int) -> bytes:
        """Return a block, decoded."""
        self._unpacking.budget.tick()
        found = self._find(number)
        if found is None:
            self._damaged(f"block {number:#x} is missing")
            return b""
        position, length = found
        data = self._view.read(position, min(length, _BLOCK_BYTES))
        if len(data) < length:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"block {number:#x} is cut off")
        if number & _INTERNAL or not self._encoding:
            return data
        return pstencoding.permuted(data) if self._encoding == _PERMUTED else pstencoding.cyclic(data, number)

    def _find(self, number: int) -> tuple[int, int] | None:
        """Return where a block lies, and its length."""
        position = self._blocks
        wanted = number & ~1
        for _ in range(_DEPTH):
            level, entries = self._page(position, self._layout.block)
            best = None
            for entry in entries:
                if entry[0] & ~1 > wanted:
                    break
                best = entry
            if best is None:
                return None
            if not level:
                return (best[1], best[2]) if best[0] & ~1 == wanted else None
            position = best[2]
        return None

    def _page(self, position: int, leaf: struct.Struct) -> tuple[int, list[tuple[int, ...]]]:
        """Return the level of a page of a tree, and its entries."""
        known = self._pages.get(position)
        if known is not None:
            return known
        self._unpacking.budget.tick()
        page = self._view.read(position, _PAGE)
        if len(page) < _PAGE:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"the page at byte {position} is cut off")
            return 0, []
        count, _, width, level = page[self._layout.counts : self._layout.counts + 4]
        shape = self._layout.branch if level else leaf
        if width < shape.size or level > _DEPTH:
            self._damaged(f"the page at byte {position} is damaged")
            return 0, []
        entries = [shape.unpack_from(page, at * width) for at in range(min(count, self._layout.counts // width))]
        if len(self._pages) >= _KEPT_PAGES:
            self._pages.clear()
        self._pages[position] = level, entries
        return level, entries

    def _damaged(self, reason: str) -> None:
        self._unpacking.problem(ProblemKind.MALFORMED, reason)


def _entries(data: bytes, shape: struct.Struct, count: int) -> Iterator[tuple[int, ...]]:
    whole = min(count, len(data) // shape.size)
    return shape.iter_unpack(data[: whole * shape.size])


def refuse_too_deep(depth: int) -> None:
    """Raise ``LimitReached`` when nodes lie in nodes deeper than any message is nested."""
    if depth > 4 * _DEPTH:
        raise LimitReached("depth", 4 * _DEPTH)
