"""Text and scripts: what is encoded in them.

Nearly all texts hide nothing, which must be known within microseconds.
"""

from collections.abc import Iterator

from freehold.formats import hidden, scriptenc
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_PIECE = 16 << 20
"""Bytes of a text that are looked at together."""


def encoded_in(data: bytes, unpacking: Unpacking, *, addresses: bool = True) -> Iterator[Child]:
    """Yield what is encoded in a text, page or script; ``data:`` addresses only if they are asked for."""
    if b"~" in data and scriptenc.BEGIN in data:
        for number, content in enumerate(scriptenc.blocks(data), 1):
            if content:
                yield Child(f"decoded-{number}", [content])
    yield from hidden.children(data, unpacking, addresses=addresses)


class _Script:
    name = "script"
    types = frozenset({"text", "script"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        for start in range(0, view.size, _PIECE):
            yield from encoded_in(view.read(start, _PIECE), unpacking)


FORMAT: Format = _Script()
