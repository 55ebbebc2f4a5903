"""Text and scripts: what is encoded in them.

Nearly all texts hide nothing, which must be known within microseconds.
"""

import re
from collections.abc import Iterator

from freehold.formats import hidden, respelled, scriptenc
from freehold.formats.transfer import decode_base64
from freehold.formats.utf16 import little_endian_as_utf8
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_PIECE = 16 << 20
"""Bytes of a text that are looked at together."""

_COMMAND_LINES = 8 << 10
"""Bytes of a text that may be a command line, or a few."""

_COMMAND = re.compile(rb"[-/]e[a-z]{0,14}[ \t:]{1,16}[\"']?([A-Za-z0-9+/]{8,47}={0,2})(?![A-Za-z0-9+/])", re.IGNORECASE)


def encoded_in(data: bytes, unpacking: Unpacking, *, addresses: bool = True) -> Iterator[Child]:
    """Yield what is encoded in a text, page or script; ``data:`` addresses only if they are asked for."""
    if b"~" in data and scriptenc.BEGIN in data:
        for number, content in enumerate(scriptenc.blocks(data), 1):
            if content:
                yield Child(f"decoded-{number}", [content])
    yield from hidden.children(data, unpacking, addresses=addresses)


def _commands(data: bytes) -> Iterator[Child]:
    """Yield PowerShell's encoded commands that are too short to be told from words without what stands before them."""
    lowered = data.lower()
    if b"powershell" in lowered or b"pwsh" in lowered:
        for found in _COMMAND.finditer(data):
            content = b"".join(decode_base64(found[1], 0, len(found[1])))
            if len(content) >= 6 and content[1::2].count(0) * 2 == len(content):
                yield Child("command", [little_endian_as_utf8(content)])


class _Script:
    name = "script"
    types = frozenset({"text", "script"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        for start in range(0, view.size, _PIECE):
            piece = view.read(start, _PIECE)
            yield from encoded_in(piece, unpacking)
            yield from respelled.children(piece, unpacking)
            if view.size <= _COMMAND_LINES:
                yield from _commands(piece)


FORMAT: Format = _Script()
