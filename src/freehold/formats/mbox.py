"""mbox files: messages one behind the other, each after a line that begins with ``From`` and a space (RFC 4155).

Some readers take every such line for a separator, some only one that goes on with a sender and a date. Where that makes
a difference, the message is yielded in both readings.
"""

import re
from collections.abc import Iterator
from itertools import chain

from freehold.formats.extents import rest
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_WINDOW = 1 << 20
_LINE_BYTES = 1024
_FROM = re.compile(rb"From [^\r\n]{1,1000}(?:\r\n|\n|\r)")
_STRICT = re.compile(rb"From [^\s]{1,512} {1,4}[A-Z][a-z]{2},? [ \w]{4,8} ?[^\r\n]{0,16}\d\d:\d\d")


def _separators(view: View, unpacking: Unpacking) -> Iterator[tuple[int, int, bool]]:
    """Yield where each separating line begins and ends, and whether all readers take it for one."""
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
            yield base + found.start(), last, _STRICT.match(piece, found.start()) is not None
        position = max(position + _WINDOW, last)


class _Mbox:
    name = "mbox"
    types = frozenset({"mbox"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; messages do not contain their separating line."""
        start = count = whole = first = 0
        for line, following, strict in chain(_separators(view, unpacking), [(view.size, view.size, True)]):
            yield from _message(view, start, line, count)
            start, count = following, count + 1
            if strict:
                if whole and count > first + 2:
                    yield Child(f"messages-{first + 1}-{count - 1}", view.slice(whole, line - whole))
                whole, first = following, count - 1


def _message(view: View, start: int, end: int, number: int) -> Iterator[Child]:
    if number == 0:
        yield from rest(view, start, end)
    elif start < end:
        yield Child(f"message-{number}", view.slice(start, end - start))


FORMAT: Format = _Mbox()
