"""The rows of one table of an SQLite database, read page by page; SQLite itself never sees hostile bytes.

Nothing but tables with row numbers is read, and no journal: what was not yet written back to the database is not seen.

Source: https://www.sqlite.org/fileformat2.html sections 1.3, 1.5, 1.6, 2.1.
"""

from collections.abc import Iterator
from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.view import View

MAGIC = b"SQLite format 3\0"

_INTERIOR, _LEAF = 0x05, 0x0D
_HEADER = 100
_FIXED = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
"""Bytes of a value by its serial type; those of texts and blobs follow from the type."""

Value = int | bytes | None


class Row(NamedTuple):
    """One row.

    Attributes:
        offset: of its cell, in bytes.
        values: of its columns; texts as bytes, floating-point numbers as None; one that is cut off is shorter.
    """

    offset: int
    values: list[Value]


def rows(view: View, table: str, most: int, budget: Budget) -> Iterator[Row]:
    """Yield the rows of a table, none when there is no such table.

    Args:
        view: the database.
        table: its name.
        most: bytes of a row that are read; what goes beyond is cut off.
        budget: its clock is looked at.

    Raises:
        MalformedInput: this is no database, or a page is damaged; what came before stands.
    """
    database = _Database(view, most, budget)
    for row in database.rows(1):
        root = row.values[3] if row.values[:2] == [b"table", table.encode()] and len(row.values) > 3 else None
        if isinstance(root, int):
            yield from database.rows(root)


class _Database:
    def __init__(self, view: View, most: int, budget: Budget) -> None:
        header = view.read(0, _HEADER)
        self._page = int.from_bytes(header[16:18], "big")
        self._page = 65_536 if self._page == 1 else self._page
        if header[:16] != MAGIC or self._page < 512 or self._page & (self._page - 1) or len(header) < _HEADER:
            raise MalformedInput("no SQLite database")
        self._usable = self._page - header[20]
        if self._usable < 480:
            raise MalformedInput("the database's pages have no room")
        self._view = view
        self._most = most
        self._budget = budget

    def rows(self, root: int) -> Iterator[Row]:
        """Yield the rows of the tree below a page."""
        left = [root]
        seen: set[int] = set()
        while left:
            number = left.pop()
            self._budget.tick()
            if number in seen:
                raise MalformedInput(f"page {number} of the database is there twice")
            seen.add(number)
            page = self._read(number)
            start = _HEADER if number == 1 else 0
            cells = int.from_bytes(page[start + 3 : start + 5], "big")
            if page[start] == _LEAF:
                yield from self._leaf(page, number, start + 8, cells)
            elif page[start] == _INTERIOR:
                children = [_number(page, at, 4) for at in _pointers(page, start + 12, cells)]
                left += [_number(page, start + 8, 4), *reversed(children)]
            else:
                raise MalformedInput(f"page {number} of the database belongs to no table")

    def _read(self, number: int) -> bytes:
        page = self._view.read((number - 1) * self._page, self._page) if number else b""
        if len(page) < self._page:
            raise MalformedInput(f"page {number} is not in the database")
        return page

    def _leaf(self, page: bytes, number: int, start: int, cells: int) -> Iterator[Row]:
        for at in _pointers(page, start, cells):
            size, position = _varint(page, at)
            _, position = _varint(page, position)
            yield Row((number - 1) * self._page + at, _values(self._payload(page, position, size)))

    def _payload(self, page: bytes, position: int, size: int) -> bytes:
        """Return the content of a cell, which may go on in pages of its own."""
        local, wanted = self._local(size), min(size, self._most)
        content = page[position : position + min(local, wanted)]
        following = _number(page, position + local, 4) if local < size else 0
        while len(content) < wanted and following:
            self._budget.tick()
            more = self._read(following)
            following = _number(more, 0, 4)
            content += more[4 : min(self._usable, 4 + wanted - len(content))]
        return content

    def _local(self, size: int) -> int:
        """Return how much of a payload lies in the cell itself."""
        if size <= self._usable - 35:
            return size
        least = (self._usable - 12) * 32 // 255 - 23
        fitting = least + (size - least) % (self._usable - 4)
        return fitting if fitting <= self._usable - 35 else least


def _values(payload: bytes) -> list[Value]:
    """Take a record apart."""
    end, position = _varint(payload, 0)
    types = []
    while position < min(end, len(payload)):
        kind, position = _varint(payload, position)
        types.append(kind)
    values: list[Value] = []
    position = end
    for kind in types:
        size = _FIXED.get(kind, (kind - 12) // 2)
        content = payload[position : position + size]
        position += size
        if kind >= 12:
            values.append(content)
        elif 1 <= kind <= 6:
            values.append(int.from_bytes(content, "big", signed=True))
        else:
            values.append({8: 0, 9: 1}.get(kind))
    return values


def _pointers(page: bytes, start: int, count: int) -> list[int]:
    if start + 2 * count > len(page):
        raise MalformedInput("a page of the database has more cells than room")
    return [_number(page, start + 2 * index, 2) for index in range(count)]


def _number(page: bytes, at: int, width: int) -> int:
    return int.from_bytes(page[at : at + width], "big")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of up to nine bytes, and where it ends."""
    number = 0
    for index, byte in enumerate(data[position : position + 9]):
        if index == 8:
            return number << 8 | byte, position + 9
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, position + index + 1
    raise MalformedInput("a number in the database is cut off")
