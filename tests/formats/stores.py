"""Builds Outlook stores from their specification ([MS-PST] 2.2 and 2.3), with one page in each tree."""

import struct
from collections.abc import Callable

from tests.formats.documents import compressed_rtf

Encode = Callable[[bytes, int], bytes]
NAME, CONTENT, BODY, RTF = 0x3707, 0x3701, 0x1000, 0x1009
WIDE, BINARY, OBJECT = 0x1F, 0x102, 0x0D


class Store:
    """A store of Outlook 2003 (wide) or 97."""

    def __init__(self, *, wide: bool = True, encoding: int = 0, encode: Encode = lambda data, _number: data) -> None:
        self.wide = wide
        self.encoding = encoding
        self.encode = encode
        self.out = bytearray(1024)
        self.blocks: list[tuple[int, int, int]] = []
        self.nodes: list[tuple[int, int, int]] = []

    def block(self, data: bytes, *, internal: bool = False) -> int:
        number = 4 * (len(self.blocks) + 1) | (2 if internal else 0)
        self.blocks.append((number, len(self.out), len(data)))
        self.out += data if internal else self.encode(data, number)
        self.out += bytes(-len(self.out) % 64)
        return number

    def data(self, content: bytes, size: int = 8176) -> int:
        """Write content as one block, or as a list of blocks."""
        if len(content) <= size:
            return self.block(content)
        numbers = [self.block(content[at : at + size]) for at in range(0, len(content), size)]
        entries = b"".join(self._number(number) for number in numbers)
        return self.block(struct.pack("<BBHI", 1, 1, len(numbers), len(content)) + entries, internal=True)

    def within(self, *nodes: tuple[int, int, int]) -> int:
        entries = b"".join(b"".join(map(self._number, node)) for node in nodes)
        return self.block(struct.pack("<BBH", 2, 0, len(nodes)) + bytes(4 if self.wide else 0) + entries, internal=True)

    def _number(self, number: int) -> bytes:
        return number.to_bytes(8 if self.wide else 4, "little")

    def _page(self, entries: list[bytes]) -> int:
        counts = 488 if self.wide else 496
        position = len(self.out)
        page = b"".join(entries).ljust(counts, b"\0") + bytes((len(entries), 20, len(entries[0]), 0))
        self.out += page.ljust(512, b"\0")
        return position

    def finish(self) -> bytes:
        pad = bytes(4) if self.wide else b""
        at = {number: self._number(number) for number, _, _ in self.blocks}
        blocks = self._page(
            [at[n] + self._number(start) + struct.pack("<HH", size, 2) + pad for n, start, size in self.blocks]
        )
        nodes = self._page([b"".join(map(self._number, node)) + bytes(4) + pad for node in self.nodes])
        header = bytearray(b"!BDN".ljust(564, b"\0"))
        header[8:12] = b"SM" + struct.pack("<H", 23 if self.wide else 14)
        width = 8 if self.wide else 4
        root = (216 if self.wide else 184) + width
        header[root : root + width] = self._number(nodes)
        header[root + 2 * width : root + 3 * width] = self._number(blocks)
        header[513 if self.wide else 461] = self.encoding
        self.out[: len(header)] = header
        return bytes(self.out)


def properties(*values: tuple[int, int, bytes | int]) -> bytes:
    """Return a heap with a list of properties: bytes lie in the heap, a number is that of a node."""
    items = [b""]
    records = b""
    for number, kind, value in sorted(values, key=lambda each: each[0]):
        handle = value
        if isinstance(value, bytes):
            items.append(value)
            handle = len(items) << 5
        records += struct.pack("<HHI", number, kind, handle)
    items[0] = bytes((0xB5, 2, 6, 0)) + struct.pack("<I", 1 + len(items) << 5)
    items.append(records)
    body = bytearray(12)
    places = [len(body)]
    for item in items:
        body += item
        places.append(len(body))
    body[:8] = struct.pack("<HBBI", len(body), 0xEC, 0xBC, 1 << 5)
    return bytes(body) + struct.pack("<HH", len(items), 0) + b"".join(struct.pack("<H", place) for place in places)


def message(store: Store, text: str, attachments: dict[str, bytes]) -> bytes:
    """Return a store with one message."""
    inner = []
    for number, (name, content) in enumerate(attachments.items()):
        nid = number << 5 | 0x1F
        large = len(content) > 3000
        held = properties((NAME, WIDE, name.encode("utf-16-le")), (CONTENT, BINARY, nid if large else content))
        below = store.within((nid, store.data(content), 0)) if large else 0
        inner.append((number << 5 | 0x05, store.data(held), below))
    rich = compressed_rtf(b"{\\rtf1 %s}" % text.encode())
    body = properties((BODY, WIDE, text.encode("utf-16-le")), (RTF, BINARY, rich))
    store.nodes.append((0x200004, store.data(body), store.within(*inner)))
    return store.finish()
