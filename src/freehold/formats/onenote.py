"""OneNote sections: the files that lie in them.

Each is a FileDataStoreObject with a GUID before and behind it; they are found by that, wherever the tree of the section
puts them. A package that came from the web keeps them as blobs, which are found by their header.

Source: [MS-ONESTORE] 2.6.13, [MS-FSSHTTPB].
"""

import re
from collections.abc import Iterator

from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_BEGIN = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
_HEADER = 36
_FORMAT_AT = 48
_PACKAGED = bytes.fromhex("2fe98d63d4a6c14b9a36b3fc2511a5b7")
_BLOB = rb"\x12\x00[\x00-\xff]{2}"
_BLOB_HEADER = 22
_LONG = 0x7FFF
_PIECE = 1 << 20


class _OneNote:
    name = "onenote"
    types = frozenset({"onenote"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        packaged = view.read(_FORMAT_AT, 16) == _PACKAGED
        places = _blobs(view, unpacking) if packaged else _files(view, unpacking)
        for number, (start, length) in enumerate(places, 1):
            if start + length > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"the file at byte {start} is cut off")
            yield Child(f"file-{number}", view.slice(start, length))


def _occurrences(view: View, pattern: bytes, width: int, unpacking: Unpacking) -> Iterator[int]:
    """Yield where a pattern of ``width`` bytes occurs."""
    for start in range(0, view.size, _PIECE):
        unpacking.budget.tick()
        for found in re.finditer(pattern, view.read(start, _PIECE + width - 1)):
            yield start + found.start()


def _files(view: View, unpacking: Unpacking) -> Iterator[tuple[int, int]]:
    """Yield where the content of each file begins, and its length."""
    for start in _occurrences(view, re.escape(_BEGIN), len(_BEGIN), unpacking):
        length = int.from_bytes(view.read(start + len(_BEGIN), 8), "little")
        if length and start + _HEADER < view.size:
            yield start + _HEADER, length


def _blobs(view: View, unpacking: Unpacking) -> Iterator[tuple[int, int]]:
    """Yield where each blob of a package begins, and its length, which is stated twice ([MS-FSSHTTPB] 2.2.1.5)."""
    for start in _occurrences(view, _BLOB, 4, unpacking):
        header = view.read(start, _BLOB_HEADER)
        stated = int.from_bytes(header[:4], "little") >> 17
        position = 4
        if stated == _LONG:
            stated, position = _compact(header, position)
        length, behind = _compact(header, position)
        if length and length + behind - position == stated:
            yield start + behind, length


def _compact(data: bytes, position: int) -> tuple[int, int]:
    """Return a compact integer, and where it ends: the number of zero bits at its low end says how long it is."""
    first = data[position] if position < len(data) else 0
    if not first:
        return 0, position + 1
    width = (first & -first).bit_length()
    if width == 8:
        return int.from_bytes(data[position + 1 : position + 9], "little"), position + 9
    return int.from_bytes(data[position : position + width], "little") >> width, position + width


FORMAT: Format = _OneNote()
