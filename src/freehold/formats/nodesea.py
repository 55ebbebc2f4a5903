"""Single executable applications of Node.js: the script, its compiled code and its assets, which a program carries.

The blob lies in a resource, a note or a section called NODE_SEA_BLOB, and is found by its first bytes.

Source: documentation of Node.js ("Single executable applications"); blobs that Node.js 20 made.
"""

import struct
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MAGIC = bytes.fromhex("20da4301")
_SNAPSHOT, _CODE_CACHE, _ASSETS = 2, 4, 8
_LONGEST_PATH = 4096
_MOST_ASSETS = 1 << 16


class _Blob:
    """Reads strings with their lengths before them; raises ``MalformedInput`` at the end."""

    def __init__(self, view: View, position: int) -> None:
        self._view = view
        self.position = position

    def number(self) -> int:
        data = self._view.read(self.position, 8)
        if len(data) < 8:
            raise MalformedInput("the list of its parts is cut off")
        self.position += 8
        return int.from_bytes(data, "little")

    def label(self) -> str:
        length = self.number()
        data = self._view.read(self.position, min(length, _LONGEST_PATH))
        self.position += length
        return data.decode("utf-8", "surrogateescape")

    def content(self, name: str, unpacking: Unpacking) -> Iterator[Child]:
        length = self.number()
        content = self._view.slice(self.position, length)
        self.position += length
        if content.size < length:
            unpacking.problem(ProblemKind.TRUNCATED, f"{name[:100]} is cut off")
        if content.size:
            yield Child(name, content)


def _path_at(view: View) -> int:
    """Return where the path of the script stands: newer releases have one more byte before it."""
    for place in (8, 9):
        (length,) = struct.unpack("<Q", view.read(place, 8).ljust(8, b"\xff"))
        if length <= _LONGEST_PATH and b"\0" not in view.read(place + 8, length):
            return place
    raise MalformedInput("the path of the script is damaged or cut off")


class _NodeSea:
    name = "nodesea"
    types = frozenset({"nodesea"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput``."""
        flags = int.from_bytes(view.read(4, 4), "little")
        blob = _Blob(view, _path_at(view))
        path = blob.label() or "script"
        yield from blob.content("snapshot" if flags & _SNAPSHOT else path, unpacking)
        if flags & _CODE_CACHE:
            yield from blob.content("code-cache", unpacking)
        if flags & _ASSETS:
            count = blob.number()
            if count > _MOST_ASSETS:
                unpacking.problem(ProblemKind.LIMIT, f"more than {_MOST_ASSETS} assets")
            for _ in range(min(count, _MOST_ASSETS)):
                unpacking.budget.tick()
                yield from blob.content(blob.label(), unpacking)


FORMAT: Format = _NodeSea()
