r"""RTF: objects, whose content is written in hexadecimal digits and hidden in every way that Word still reads.

What counts is what a reader of control words collects from ``\objdata`` to the end of its group: digits between white
space, groups, unknown control words and ``\bin`` blocks. Text of nested groups belongs to the object for some readers
and not for others, so both results are looked at where they differ.

Source: Rich Text Format specification 1.9.1.
"""

import re
from collections.abc import Iterator

from freehold.formats.ole_native import object_children
from freehold.model.errors import LimitReached
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_DATA = rb"\\(?:objdata|datastore)(?![a-zA-Z])"
_DATA_WORDS = (b"objdata", b"datastore")
_DATA_BYTES = 10
_TOKEN = (
    rb"(?s)(?P<text>[^\\{}]+)|(?P<open>\{)|(?P<close>\})"
    rb"|\\(?:(?P<word>[a-zA-Z]+)(?P<number>-?[0-9]{1,10})?[ ]?|'[0-9a-fA-F]{0,2}|[^a-zA-Z])"
)
_NOT_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_PIECE = 1 << 20


class _Rtf:
    name = "rtf"
    types = frozenset({"rtf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        count = 0
        position = 0
        while (start := _find(view, position, unpacking)) is not None:
            collector = _Collector(unpacking)
            position = collector.collect(view, start)
            for content in collector.readings():
                count += 1
                yield from object_children(BytesView(content), f"object-{count}")
        if count:
            unpacking.fact("objects", count)


def _find(view: View, position: int, unpacking: Unpacking) -> int | None:
    """Return where the content of the next object begins at or behind ``position``."""
    while position < view.size:
        piece = view.read(position, _PIECE)
        found = re.search(_DATA, piece)
        if found and (found.end() < len(piece) or position + len(piece) == view.size):
            return position + found.end()
        position += max(len(piece) - _DATA_BYTES, 1) if position + len(piece) < view.size else len(piece)
        unpacking.budget.tick()
    return None


class _Collector:
    """Collects the content of one object, in both readings."""

    def __init__(self, unpacking: Unpacking) -> None:
        self._unpacking = unpacking
        self._shallow: list[bytes] = []
        self._deep: list[bytes] = []
        self._digits = [b"", b""]
        self._size = 0
        self._nested = False
        self._depth = 0

    def readings(self) -> Iterator[bytes]:
        """Yield what was collected, each reading once."""
        deep = b"".join(self._deep)
        if deep:
            yield deep
        if self._nested:
            shallow = b"".join(self._shallow)
            if shallow and shallow != deep:
                yield shallow

    def collect(self, view: View, position: int) -> int:
        """Collect from ``position`` to the end of the group; return where that is."""
        match = re.compile(_TOKEN).match
        while position < view.size:
            self._unpacking.budget.tick()
            piece = view.read(position, _PIECE)
            last = position + len(piece) == view.size
            at = 0
            while at < len(piece) and (token := match(piece, at)):
                if token.end() == len(piece) and not last and at and token.lastgroup != "text":
                    break  # it may go on in the next piece
                at = token.end()
                if token["word"] in _DATA_WORDS:
                    return position + token.start()
                if token["word"] == b"bin":
                    at += self._add_block(view, position + at, int(token["number"] or 0))
                elif not self._take(token):
                    return position + at
            position += max(at, 1)
        self._unpacking.problem(ProblemKind.TRUNCATED, "an object is cut off")
        return view.size

    def _take(self, token: re.Match[bytes]) -> bool:
        """Take what a token says; False when it ends the object's group."""
        if token["text"] is not None:
            self._add_digits(token["text"])
        elif token["open"] is not None:
            self._depth += 1
        elif token["close"] is not None:
            self._depth -= 1
        return self._depth >= 0

    def _add_digits(self, text: bytes) -> None:
        digits = text.translate(None, _NOT_HEX)
        if digits:
            self._decode(self._deep, 1, digits)
            if self._depth == 0:
                self._decode(self._shallow, 0, digits)
            else:
                self._nested = True

    def _decode(self, target: list[bytes], which: int, digits: bytes) -> None:
        digits = self._digits[which] + digits
        whole = len(digits) & ~1
        self._digits[which] = digits[whole:]
        self._add(target, bytes.fromhex(digits[:whole].decode("ascii")))

    def _add_block(self, view: View, start: int, length: int) -> int:
        """Add bytes that stand there as they are; return how many."""
        content = view.read(start, max(length, 0))
        self._add(self._deep, content)
        if self._depth == 0:
            self._add(self._shallow, content)
        else:
            self._nested = True
        return len(content)

    def _add(self, target: list[bytes], content: bytes) -> None:
        self._size += len(content)
        limit = self._unpacking.budget.limits.decoder_memory
        if self._size > limit:
            raise LimitReached("decoder_memory", limit)
        target.append(content)


FORMAT: Format = _Rtf()
