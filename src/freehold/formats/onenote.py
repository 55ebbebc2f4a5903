"""OneNote sections: the files that lie in them.

Each is a FileDataStoreObject with a GUID before and behind it; they are found by that, wherever the tree of the section
puts them. A package that went over the wire keeps them without such frames, and is looked at as a whole.

Source: [MS-ONESTORE] 2.6.13, [MS-FSSHTTPB].
"""

from collections.abc import Iterator

from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_BEGIN = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
_HEADER = 36
_PIECE = 1 << 20


class _OneNote:
    name = "onenote"
    types = frozenset({"onenote"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        number = 0
        position = 0
        while position < view.size:
            unpacking.budget.tick()
            piece = view.read(position, _PIECE)
            found = piece.find(_BEGIN)
            if found < 0:
                if position + len(piece) == view.size:
                    break
                position += len(piece) - len(_BEGIN) + 1
                continue
            start = position + found
            head = view.read(start, _HEADER)
            length = int.from_bytes(head[16:24], "little")
            position = start + len(_BEGIN)
            if start + _HEADER + length > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"the file at byte {start} is cut off")
            number += 1
            if len(head) == _HEADER and length:
                yield Child(f"file-{number}", view.slice(start + _HEADER, length))


FORMAT: Format = _OneNote()
