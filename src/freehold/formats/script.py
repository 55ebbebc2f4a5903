"""Text and scripts: what is encoded in them.

Nearly all texts hide nothing, which a few searches for fixed strings must tell. Whatever is found is named by the
position at which it stands.
"""

from collections.abc import Iterator

from freehold.formats import binhex, hidden, scriptenc, uu, yenc
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_PIECE = 16 << 20
"""Bytes of a text that are looked at together."""


def encoded_in(data: bytes, unpacking: Unpacking, *, addresses: bool = True) -> Iterator[Child]:
    """Yield what is encoded in a text, page or script; ``data:`` addresses only if they are asked for."""
    if scriptenc.BEGIN in data:
        for number, content in enumerate(scriptenc.blocks(data), 1):
            if content:
                yield Child(f"decoded-{number}", [content])
    if b"begin " in data or b"begin-base64 " in data:
        yield from uu.encoded_files(data)
    if yenc.MARK in data:
        yield from yenc.encoded_files(data, unpacking)
    if binhex.MARK in data:
        yield from binhex.encoded_files(data, unpacking)
    if hidden.may_hide(data):
        yield from hidden.children(data, unpacking, addresses=addresses)


class _Script:
    name = "script"
    types = frozenset({"text", "script"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        for start in range(0, view.size, _PIECE):
            yield from encoded_in(view.read(start, _PIECE), unpacking)


FORMAT: Format = _Script()
