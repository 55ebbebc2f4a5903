"""The two older stores of rpm's headers: Berkeley DB's hash tables (``Packages``) and rpm's own ndb (``Packages.db``).

Neither is looked up by key: every page or slot is visited once, in the order of the file.

Source: Berkeley DB 5.3 (layout of hash, overflow and meta pages), rpm's manual and ``lib/backend/ndb/rpmpkg.c``.
"""

from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.view import View

Header = tuple[int, bytes]
"""Offset in the store, in bytes, and the beginning of a header."""

BERKELEY_AT, BERKELEY = 12, {b"\x61\x15\x06\x00": "little", b"\x00\x06\x15\x61": "big"}
"""Where the magic number of a hash table stands, and how the machine that wrote it counts bytes."""

NDB = b"RpmP"

_PAGE_HEADER = 26
_HASHES, _OVERFLOW = frozenset({2, 13}), 7
_INLINE, _ELSEWHERE = 1, 3
_SLOT, _SLOT_PAGE, _SLOTS_START, _BLOCK = 16, 4096, 32, 16


def berkeley(view: View, most: int, budget: Budget) -> Iterator[Header]:
    """Yield the values of a hash table that lie in pages of their own, up to ``most`` bytes of each."""
    order = BERKELEY.get(view.read(BERKELEY_AT, 4))
    if order is None:
        raise MalformedInput("no hash table of Berkeley DB")
    table = _Table(view, order == "little", most, budget)
    for number in range(1, table.pages):
        budget.tick()
        yield from table.values(number)


class _Table:
    def __init__(self, view: View, little: bool, most: int, budget: Budget) -> None:
        self._view = view
        self._little = little
        self._most = most
        self._budget = budget
        self._size = self._number(view.read(0, 64), 20, 4)
        if not 512 <= self._size <= 65_536 or self._size & (self._size - 1):
            raise MalformedInput("a hash table's pages have an impossible size")
        self.pages = view.size // self._size

    def values(self, number: int) -> Iterator[Header]:
        """Yield the values of one page of keys and values; other pages have none."""
        page = self._view.read(number * self._size, self._size)
        if page[25] not in _HASHES:
            return
        entries = self._number(page, 20, 2)
        if _PAGE_HEADER + 2 * entries > len(page):
            raise MalformedInput(f"page {number} of the hash table has more entries than room")
        for index in range(1, entries, 2):
            at = self._number(page, _PAGE_HEADER + 2 * index, 2)
            if at + 12 <= len(page) and page[at] == _ELSEWHERE:
                first, length = self._number(page, at + 4, 4), self._number(page, at + 8, 4)
                yield first * self._size, self._chain(first, min(length, self._most))
            elif at < len(page) and page[at] == _INLINE:
                end = self._number(page, _PAGE_HEADER + 2 * index - 2, 2)
                yield number * self._size + at, page[at + 1 : end]

    def _chain(self, number: int, length: int) -> bytes:
        """Return a value that lies in a chain of pages; each gives at least a byte, so that it has an end."""
        content = b""
        while len(content) < length:
            self._budget.tick()
            page = self._view.read(number * self._size, self._size) if 0 < number < self.pages else b""
            used = self._number(page, 22, 2)
            if len(page) < self._size or page[25] != _OVERFLOW or not used:
                raise MalformedInput(f"page {number} of the hash table does not continue a value")
            content += page[_PAGE_HEADER : _PAGE_HEADER + used]
            number = self._number(page, 16, 4)
        return content

    def _number(self, page: bytes, at: int, width: int) -> int:
        return int.from_bytes(page[at : at + width], "little" if self._little else "big")


def ndb(view: View, most: int, budget: Budget) -> Iterator[Header]:
    """Yield the blobs of rpm's own store, up to ``most`` bytes of each."""
    head = view.read(0, _SLOTS_START)
    if head[:4] != NDB or len(head) < _SLOTS_START:
        raise MalformedInput("no store of rpm's")
    end = min(int.from_bytes(head[12:16], "little") * _SLOT_PAGE, view.size)
    for at in range(_SLOTS_START, end, _SLOT):
        budget.tick()
        slot = view.read(at, _SLOT)
        if slot[:4] != b"Slot":
            raise MalformedInput(f"no slot at byte {at} of rpm's store")
        offset = int.from_bytes(slot[8:12], "little") * _BLOCK
        if not offset:
            continue
        blob = view.read(offset, 16)
        if blob[:4] != b"BlbS" or blob[4:8] != slot[4:8]:
            raise MalformedInput(f"no header at byte {offset} of rpm's store")
        yield offset + 16, view.read(offset + 16, min(int.from_bytes(blob[12:16], "little"), most))
