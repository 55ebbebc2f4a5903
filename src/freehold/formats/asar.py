"""asar, the archives of Electron: a JSON tree of files, then their content.

Source: the README of Electron's asar.
"""

import json
from collections.abc import Iterator

from freehold.formats.extents import Extents, rest
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_HEADER = 16
_LARGEST_TREE = 32 << 20
_NAME = 4096


def _tree(view: View) -> object:
    head = view.read(0, _HEADER)
    length = int.from_bytes(head[12:16], "little")
    if length > _LARGEST_TREE:
        raise LimitReached("decoder_memory", _LARGEST_TREE)
    try:
        return json.loads(view.read(_HEADER, length))
    except (ValueError, RecursionError) as error:
        raise MalformedInput("the tree of files is damaged or cut off") from error


def _files(tree: object) -> Iterator[tuple[str, dict[object, object]]]:
    pending = [("", tree)]
    while pending:
        path, node = pending.pop()
        children = node.get("files") if isinstance(node, dict) else None
        if not isinstance(children, dict):
            continue
        for name, child in children.items():
            below = f"{path}/{name}"[-_NAME:] if path else name[-_NAME:]
            if isinstance(child, dict) and "files" in child:
                pending.append((below, child))
            elif isinstance(child, dict):
                yield below, child


class _Asar:
    name = "asar"
    types = frozenset({"asar"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the tree of files cannot be read."""
        base = 8 + int.from_bytes(view.read(4, 4), "little")
        claimed = Extents()
        claimed.add(0, min(base, view.size))
        seen: set[tuple[int, int]] = set()
        for name, file in _files(_tree(view)):
            place, size = file.get("offset"), file.get("size")
            if not isinstance(place, str) or not place.isdecimal() or len(place) > 18 or not isinstance(size, int):
                continue  # links, and files that lie next to the archive
            start = base + int(place)
            if start + size > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"{name[:100]} is cut off")
            if size > 0 and start < view.size and (start, size) not in seen:
                seen.add((start, size))
                claimed.add(start, min(start + size, view.size))
                yield Child(name, view.slice(start, size))
        for start, end in claimed.gaps(view.size):
            yield from rest(view, start, end)


FORMAT: Format = _Asar()
