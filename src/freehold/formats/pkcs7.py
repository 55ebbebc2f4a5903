"""Cryptographic messages (CMS, PKCS #7): what a signature wraps, as in opaque-signed mail (``smime.p7m``).

Everything is read as BER, which is what mail programs write: lengths may be indefinite, octet strings in pieces.

Source: RFC 5652 section 5, RFC 3274, X.690 section 8.
"""

from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.pdffilters import inflated
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_BYTES = 128 << 20
_DEPTH = 64
_IDENTIFIER, _OCTETS, _CONSTRUCTED, _TAGGED = 0x06, 0x04, 0x20, 0xA0
_PREFIX = bytes.fromhex("2a864886f70d0107")
_SIGNED = _PREFIX + b"\x02"
_ENCRYPTED = {_PREFIX + b"\x03": "enveloped", _PREFIX + b"\x04": "enveloped", _PREFIX + b"\x06": "encrypted"}
_COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
_END = b"\0\0"


class _Element(NamedTuple):
    """A tag with its content; ``end`` is None when an end mark ends it."""

    tag: int
    start: int
    end: int | None


def _element(data: bytes, position: int) -> _Element:
    """Return the element at ``position``; raises ``MalformedInput`` at the end of the data."""
    if position + 2 > len(data):
        raise MalformedInput("the message is cut off")
    tag, length, start = data[position], data[position + 1], position + 2
    if length == 0x80:
        return _Element(tag, start, None)
    if length > 0x80:
        width = length & 0x7F
        length = int.from_bytes(data[start : start + width], "big")
        start += width
    return _Element(tag, start, start + length)


def _octets(data: bytes, position: int, unpacking: Unpacking) -> Iterator[bytes]:
    """Yield the pieces of the octet string at ``position``."""
    open_ends: list[int | None] = []
    while True:
        while open_ends and _ends(data, position, open_ends[-1]):
            position += 0 if open_ends.pop() is not None else 2
            if not open_ends:
                return
        if position >= len(data):
            unpacking.problem(ProblemKind.TRUNCATED, "the wrapped content is cut off")
            return
        element = _element(data, position)
        if element.tag & ~_CONSTRUCTED != _OCTETS or len(open_ends) > _DEPTH:
            unpacking.problem(ProblemKind.MALFORMED, f"no octet string at byte {position}")
            return
        if element.tag & _CONSTRUCTED:
            open_ends.append(element.end)
            position = element.start
        else:
            end = len(data) if element.end is None else element.end
            piece = data[element.start : end]
            if piece:
                yield piece
            position = end
            unpacking.budget.tick()
        if not open_ends:
            if position > len(data):
                unpacking.problem(ProblemKind.TRUNCATED, "the wrapped content is cut off")
            return


def _ends(data: bytes, position: int, end: int | None) -> bool:
    return position == end or (end is None and data[position : position + 2] == _END)


class _Message:
    def __init__(self, data: bytes, unpacking: Unpacking) -> None:
        self._data = data
        self._unpacking = unpacking

    def children(self) -> Iterator[Child]:
        """Yield what the message wraps; certificates alone wrap nothing."""
        kind, content = self._content_info(0)
        if kind in _ENCRYPTED:
            self._unpacking.problem(ProblemKind.ENCRYPTED, f"the message is {_ENCRYPTED[kind]} for its recipients")
            return
        if kind not in (_SIGNED, _COMPRESSED) or content is None:
            return
        position = self._inside(content)
        for _ in range(2):  # the version, the algorithms
            position = self._behind(position)
        _, wrapped = self._content_info(position)
        if wrapped is None:
            return
        if self._data[wrapped] & ~_CONSTRUCTED != _OCTETS:
            end = self._behind(wrapped)
            yield Child("content", [self._data[wrapped:end]])
            return
        pieces = _octets(self._data, wrapped, self._unpacking)
        if kind == _COMPRESSED:
            stream = inflated(BytesView(b"".join(pieces)), self._unpacking, "the compressed content")
            yield Child("content", stream.chunks(), stream.consumed)
        else:
            yield Child("content", pieces)

    def _inside(self, position: int) -> int:
        return _element(self._data, position).start

    def _content_info(self, position: int) -> tuple[bytes, int | None]:
        """Return the type of the content at ``position``, and where the content itself begins, None without one."""
        identifier = _element(self._data, self._inside(position))
        if identifier.tag != _IDENTIFIER or identifier.end is None:
            raise MalformedInput("no type of content where one should be")
        kind = self._data[identifier.start : identifier.end]
        if identifier.end >= len(self._data) or self._data[identifier.end] != _TAGGED:
            return kind, None
        content = self._inside(identifier.end)
        return kind, content if content < len(self._data) else None

    def _behind(self, position: int) -> int:
        """Return where the element behind the one at ``position`` begins."""
        depth = 0
        while True:
            if depth and self._data[position : position + 2] == _END:
                depth -= 1
                position += 2
            else:
                element = _element(self._data, position)
                self._unpacking.budget.tick()
                if element.end is None:
                    depth += 1
                    position = element.start
                else:
                    position = element.end
            if not depth:
                return min(position, len(self._data))


class _Pkcs7:
    name = "pkcs7"
    types = frozenset({"pkcs7"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the structure is not that of a message."""
        yield from _Message(view.read(0, _BYTES), unpacking).children()


FORMAT: Format = _Pkcs7()
