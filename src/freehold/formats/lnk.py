"""Windows shortcuts: what they start, and what is appended to them.

Source: [MS-SHLLINK].
"""

import encodings.utf_16_le  # noqa: F401 - a worker cannot load codecs any more
from collections.abc import Iterator

from freehold.formats.extents import rest
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_HEADER = 76
_MAGIC = bytes.fromhex("4c0000000114020000000000c000000000000046")
_HAS_TARGETS, _HAS_INFO, _WIDE = 1, 2, 0x80
_TEXTS = ((0x04, "description"), (0x08, "relative path"), (0x10, "folder"), (0x20, "arguments"), (0x40, "icon"))
_FACT_LETTERS = 2000
_TARGET_BLOCK = 0xA0000001
_TARGET_BYTES = 520


class _Lnk:
    name = "lnk"
    types = frozenset({"lnk"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is damaged."""
        header = view.read(0, _HEADER)
        if len(header) < _HEADER or not header.startswith(_MAGIC):
            raise MalformedInput("the header of the shortcut is damaged or cut off")
        flags = int.from_bytes(header[20:24], "little")
        position = _HEADER
        if flags & _HAS_TARGETS:
            position += 2 + int.from_bytes(view.read(position, 2), "little")
        if flags & _HAS_INFO:
            position += max(int.from_bytes(view.read(position, 4), "little"), 4)
        for flag, name in _TEXTS:
            if flags & flag:
                width = 2 if flags & _WIDE else 1
                length = int.from_bytes(view.read(position, 2), "little") * width
                yield from _text(view, position + 2, length, name, unpacking, wide=width == 2)
                position += 2 + length
        if position > view.size:
            unpacking.problem(ProblemKind.TRUNCATED, "the shortcut is cut off")
        yield from _blocks(view, position, unpacking)


def _text(view: View, start: int, length: int, name: str, unpacking: Unpacking, *, wide: bool) -> Iterator[Child]:
    """Yield a text as UTF-8, and record its beginning as a fact."""
    data = view.read(start, length)
    if wide:
        data = data[: len(data) & ~1]
    text = data.decode("utf-16-le" if wide else "latin-1", "replace").strip("\0")
    if text:
        unpacking.fact(name, text[:_FACT_LETTERS])
        yield Child(name, iter((text.encode("utf-8", "replace"),)))


def _blocks(view: View, position: int, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the target that a block of extra data names, then what follows the last block."""
    while position + 4 <= view.size:
        unpacking.budget.tick()
        head = view.read(position, 8)
        length = int.from_bytes(head[:4], "little")
        if length < 4:
            position += 4
            break
        if position + length > view.size:
            unpacking.problem(ProblemKind.TRUNCATED, f"the block at byte {position} is cut off")
            break
        if int.from_bytes(head[4:], "little") == _TARGET_BLOCK and length >= 8 + 260 + _TARGET_BYTES:
            yield from _text(view, position + 8 + 260, _TARGET_BYTES, "target", unpacking, wide=True)
        position += length
    yield from rest(view, position, view.size)


FORMAT: Format = _Lnk()
