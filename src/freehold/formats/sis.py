"""Symbian installation files: releases 3 to 6 by their table of files, release 9 by its fields.

Source: observed files; Thoelke, "The EPOC installation file format"; Symbian OS v9 SIS file format specification.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.extents import Extents, rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Stream
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_RELEASE_9 = b"\x7a\x1a\x20\x10"
_HEADER = struct.Struct("<16x2xHH14xH10x4xI")
_IS_UNCOMPRESSED = 8
_MOST_FILES = 4096
_RECORD = struct.Struct("<IIIIIII")
_SIMPLE, _PER_LANGUAGE = 0, 1
_ZLIB_HEADER = 2
_NAME_BYTES = 1024
_WINDOW = 1 << 18
_FIELD = re.compile(rb"\x03\0\0\0[\s\S]{4}\x01\0\0\0[\s\S]{8}\x78[\x01\x5e\x9c\xda]")
"""A compressed field of release 9: type, length, algorithm, unpacked size, then zlib."""
_FIELD_HEADER = 20


class _Entry(NamedTuple):
    name: str
    places: tuple[tuple[int, int], ...]
    end: int


def _entry(view: View, position: int, languages: int, unpacking: Unpacking) -> _Entry | None:
    """Return the entry of the table of files at ``position``, with (start, size) for each language."""
    raw = view.read(position, _RECORD.size)
    if len(raw) < _RECORD.size:
        unpacking.problem(ProblemKind.TRUNCATED, "the table of files is cut off")
        return None
    kind, _, _, _, _, name_size, name_place = _RECORD.unpack(raw)
    if kind not in (_SIMPLE, _PER_LANGUAGE):
        unpacking.problem(ProblemKind.UNSUPPORTED, f"the table of files has an entry of kind {kind}")
        return None
    count = max(languages, 1) if kind == _PER_LANGUAGE else 1
    table = view.read(position + _RECORD.size, 12 * count).ljust(12 * count, b"\0")
    sizes = struct.unpack(f"<{3 * count}I", table)
    name = view.read(name_place, min(name_size, _NAME_BYTES)).decode("utf-16-le", "replace")
    places = tuple(zip(sizes[count : 2 * count], sizes[:count], strict=True))
    return _Entry(name, places, position + _RECORD.size + 12 * count + 8)


def _release_6(view: View, unpacking: Unpacking) -> Iterator[Child]:
    head = view.read(0, 56)
    if len(head) < 56:
        raise MalformedInput("the header is cut off")
    languages, files, options, position = _HEADER.unpack(head)
    claimed = Extents()
    claimed.add(0, 100)
    if files > _MOST_FILES:
        unpacking.problem(ProblemKind.LIMIT, f"more than {_MOST_FILES} files")
    for number in range(min(files, _MOST_FILES)):
        entry = _entry(view, position, languages, unpacking)
        if entry is None:
            break
        claimed.add(position, min(entry.end, view.size))
        position = entry.end
        for start, size in entry.places:
            yield from _file(view, entry.name or f"file-{number}", (start, size), options, unpacking)
            claimed.add(min(start, view.size), min(start + size, view.size))
    for start, end in claimed.gaps(view.size):
        yield from rest(view, start, end)


def _file(view: View, name: str, place: tuple[int, int], options: int, unpacking: Unpacking) -> Iterator[Child]:
    start, size = place
    end = min(start + size, view.size)
    if start + size > view.size:
        unpacking.problem(ProblemKind.TRUNCATED, f"{name} is cut off")
    if not size or start >= view.size:
        return
    if options & _IS_UNCOMPRESSED:
        yield Child(name, view.slice(start, size))
    else:
        stream = Stream(view, start + _ZLIB_HEADER, DEFLATE, unpacking, end=end, label=name)
        yield Child(name, stream.chunks(), stream.consumed)


def _release_9(view: View, unpacking: Unpacking) -> Iterator[Child]:
    position = number = 0
    while position < view.size:
        piece = view.read(position, _WINDOW)
        found = _FIELD.search(piece)
        if found is None:
            position += max(len(piece) - 32, 1) if position + len(piece) < view.size else len(piece)
            unpacking.budget.tick()
            continue
        start = position + found.start()
        size = int.from_bytes(found[0][4:8], "little")
        number += 1
        stream = Stream(
            view,
            start + _FIELD_HEADER + _ZLIB_HEADER,
            DEFLATE,
            unpacking,
            end=start + 8 + size,
            label=f"the field at byte {start}",
        )
        yield Child(f"file-{number}", stream.chunks(), stream.consumed)
        position = start + _FIELD_HEADER


class _Sis:
    name = "sis"
    types = frozenset({"sis"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is cut off."""
        yield from (_release_9 if view.read(0, 4) == _RELEASE_9 else _release_6)(view, unpacking)


FORMAT: Format = _Sis()
