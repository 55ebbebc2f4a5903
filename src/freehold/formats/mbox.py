"""mbox files: messages one behind the other, each after a line that begins with ``From`` and a space (RFC 4155)."""

import re
from collections.abc import Iterator

from freehold.formats.extents import rest
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_WINDOW = 1 << 20
_LINE_BYTES = 1024
_FROM = re.compile(rb"From [^\r\n]{1,1000}(?:\r\n|\n|\r)")


def _separators(view: View, unpacking: Unpacking) -> Iterator[tuple[int, int]]:
    """Yield where each separating line begins and ends."""
    position = 0
    while position < view.size:
        unpacking.budget.tick()
        base = max(position - 1, 0)
        piece = view.read(base, _WINDOW + _LINE_BYTES)
        last = position
        for found in _FROM.finditer(piece, position - base):
            if found.start() + base >= position + _WINDOW:
                break
            if found.start() + base > 0 and piece[found.start() - 1] not in b"\r\n":
                continue
            last = base + found.end()
            yield base + found.start(), last
        position = max(position + _WINDOW, last)


class _Mbox:
    name = "mbox"
    types = frozenset({"mbox"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; messages do not contain their separating line."""
        start = count = 0
        for line, following in _separators(view, unpacking):
            yield from _message(view, start, line, count)
            start, count = following, count + 1
        yield from _message(view, start, view.size, count)


def _message(view: View, start: int, end: int, number: int) -> Iterator[Child]:
    if number == 0:
        yield from rest(view, start, end)
    elif start < end:
        yield Child(f"message-{number}", view.slice(start, end - start))


FORMAT: Format = _Mbox()
