"""Files that were dropped into a document: the stream ``Ole10Native`` and OLE 1.0 objects in RTF.

Source: [MS-OLEDS] 2.2 and 2.3.6; the layout of a packaged file is not documented, this is what Packager writes.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from freehold.model.interfaces import Child
from freehold.model.view import View

_PACKAGED = 2
_TEXT_BYTES = 4096
_TRIVIAL = 32


class Source(Protocol):
    """Bytes with an object in them: a view, or a stream of a compound file."""

    @property
    def size(self) -> int:
        """In bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``, fewer only at the end."""


class Part(NamedTuple):
    """A named part of a source."""

    name: str
    start: int
    length: int


def packaged(source: Source, start: int, end: int) -> Iterator[Part]:
    """Yield the file of a native stream whose content (behind its size) is [start, end), and what follows it."""
    found = _packaged_file(source, start, end)
    if found is None:
        yield Part("native data", start, end - start)
        return
    yield found
    behind = _behind_wide_names(source, found.start + found.length, end)
    if end - behind >= _TRIVIAL:
        yield Part("rest", behind, end - behind)


def _packaged_file(source: Source, start: int, end: int) -> Part | None:
    head = source.read(start, min(end - start, 3 * _TEXT_BYTES))
    if len(head) < 16 or int.from_bytes(head[:2], "little") != _PACKAGED:
        return None
    label_end = head.find(b"\0", 2)
    path_end = head.find(b"\0", label_end + 1)
    if label_end < 0 or path_end < 0 or len(head) < path_end + 9:
        return None
    label = head[2:label_end] or head[label_end + 1 : path_end].rsplit(b"\\", 1)[-1]
    (temporary,) = struct.unpack_from("<I", head, path_end + 5)
    at = start + path_end + 9 + temporary
    if at + 4 > end:
        return None
    size = int.from_bytes(source.read(at, 4), "little")
    return Part(label.decode("latin-1") or "file", at + 4, min(size, end - at - 4))


def _behind_wide_names(source: Source, position: int, end: int) -> int:
    """Return where the three names in UTF-16 end that may follow a file."""
    for _ in range(3):
        size = 4 + 2 * int.from_bytes(source.read(position, 4), "little")
        if position + size > end or size > 2 * _TEXT_BYTES:
            break
        position += size
    return position


class Ole1Object(NamedTuple):
    """An OLE 1.0 object: its class, and where its data lies."""

    class_name: str
    start: int
    length: int


def ole1_object(view: View, start: int) -> Ole1Object | None:
    """Return the embedded object that begins at ``start``, None when there is none."""
    kind = view.read(start + 4, 4)
    if len(kind) < 4 or kind[0] not in (1, 2):
        return None
    position = start + 8
    texts = []
    for _ in range(3):
        field = view.read(position, 4)
        length = int.from_bytes(field, "little")
        if len(field) < 4 or length > _TEXT_BYTES:
            return None
        texts.append(view.read(position + 4, length).rstrip(b"\0").decode("latin-1"))
        position += 4 + length
    field = view.read(position, 4)
    if len(field) < 4:
        return None
    size = int.from_bytes(field, "little")
    return Ole1Object(texts[0], position + 4, min(size, view.size - position - 4))


def object_children(view: View, name: str) -> Iterator[Child]:
    """Yield one decoded ``objdata`` as it is, then the object in it, then the file that is packed in that."""
    yield Child(name, view)
    found = ole1_object(view, 0)
    if found is None or found.length <= 0:
        return
    end = found.start + found.length
    yield Child(f"{name}:{found.class_name}", view.slice(found.start, found.length))
    if found.class_name.lower() == "package" or view.read(found.start, 2) == b"\2\0":
        for part in packaged(view, found.start, end):
            yield Child(part.name, view.slice(part.start, part.length))
