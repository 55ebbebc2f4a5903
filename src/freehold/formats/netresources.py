"""Resources of .NET (``.resources``): texts, bytes, streams and serialised objects, by name.

Source: System.Resources of .NET's own sources (``ResourceReader``, ``ResourceTypeCode``).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_STRING, _BYTES, _STREAM = 0x01, 0x20, 0x21
_FIRST_OF_OTHERS = 0x40
_MOST = 1 << 17
_LONGEST_NAME = 4096
_LONGEST_TYPE = 4096
_MOST_TYPES = 4096
_TRIVIAL = 17
"""Values below this many bytes are numbers, dates and the like."""


class _Value(NamedTuple):
    """Where a value begins, what it is called, and where the next one begins."""

    start: int
    name: str
    end: int


class _Set:
    """A set of resources; raises ``MalformedInput`` when its head makes no sense."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        skip = int.from_bytes(view.read(8, 4), "little")
        at = 12 + skip
        self._version, self._count, types = self._numbers(at, 3)
        at += 12
        if self._version not in (1, 2) or types > _MOST_TYPES:
            raise MalformedInput("the head is damaged, cut off, or of another version")
        for _ in range(types):
            length, at = self._length(at)
            at += min(length, _LONGEST_TYPE)
        at += -at % 8
        if self._count > _MOST:
            unpacking.problem(ProblemKind.LIMIT, f"more than {_MOST} resources")
        count = min(self._count, _MOST)
        self._places = struct.unpack(f"<{count}I", self._exactly(at + 4 * self._count, 4 * count))
        self._names = at + 8 * self._count + 4
        self._data = self._numbers(self._names - 4, 1)[0]

    def _exactly(self, at: int, size: int) -> bytes:
        data = self._view.read(at, size)
        if len(data) < size:
            raise MalformedInput("the list of names is cut off")
        return data

    def _numbers(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", self._exactly(at, 4 * count))

    def _length(self, at: int) -> tuple[int, int]:
        """Read a number of seven bits a byte; return it and what follows it."""
        value = 0
        for index, byte in enumerate(self._view.read(at, 5)):
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value, at + index + 1
        raise MalformedInput("a length is damaged or cut off")

    def values(self) -> list[_Value]:
        """Return all values in the order in which they lie."""
        found = []
        for place in self._places:
            self._unpacking.budget.tick()
            length, at = self._length(self._names + place)
            name = self._view.read(at, min(length, _LONGEST_NAME)).decode("utf-16-le", "replace")
            start = self._data + int.from_bytes(self._view.read(at + length, 4), "little")
            found.append((start, name))
        found.sort()
        ends = [*(start for start, _ in found), self._view.size][1:]
        return [_Value(start, name, end) for (start, name), end in zip(found, ends, strict=True)]

    def child(self, value: _Value) -> Child | None:
        """Return the content of a value; None for numbers and the like."""
        kind, at = self._length(value.start)
        end = value.end
        if (self._version == 1 and kind) or kind >= _FIRST_OF_OTHERS:
            pass  # a serialised object, or of a type that is told by its name: all that belongs to it
        elif kind == _STRING:
            length, at = self._length(at)
            end = at + length
        elif kind in (_BYTES, _STREAM):
            end = at + 4 + int.from_bytes(self._view.read(at, 4), "little")
            at += 4
        if end > self._view.size:
            self._unpacking.problem(ProblemKind.TRUNCATED, f"{value.name[:100]} is cut off")
        content = self._view.slice(at, end - at)
        return Child(value.name, content) if content.size >= _TRIVIAL else None


class _NetResources:
    name = "netresources"
    types = frozenset({"netresources"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        resources = _Set(view, unpacking)
        for value in resources.values():
            child = resources.child(value)
            if child is not None:
                yield child


FORMAT: Format = _NetResources()
