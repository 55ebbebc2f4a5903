"""The few pieces of ASN.1 DER (X.690) that signatures and certificates are made of, read strictly."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from freehold.model.errors import MalformedInput

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x01, 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_CONTEXT = 0xA0


def oid(text: str) -> bytes:
    """Return the content of an OBJECT IDENTIFIER that is written with dots."""
    first, second, *rest = map(int, text.split("."))
    content = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return bytes(content)


def context(number: int) -> int:
    """Return the tag of a constructed element with this context-specific number."""
    return _CONTEXT | number


class Element(NamedTuple):
    """One element: its tag, its content, and all of its bytes."""

    tag: int
    content: bytes
    whole: bytes

    def children(self) -> "Children":
        """Return what a constructed element consists of; raises ``MalformedInput``."""
        if not self.tag & 0x20:
            raise MalformedInput("a signature structure is damaged")
        return Children(list(_elements(self.content)))

    def integer(self) -> int:
        """Return the value of an INTEGER."""
        self.expect(INTEGER)
        if not self.content:
            raise MalformedInput("a signature structure has an empty number")
        return int.from_bytes(self.content, "big", signed=True)

    def bits(self) -> bytes:
        """Return a BIT STRING of whole bytes."""
        self.expect(BIT_STRING)
        if self.content[:1] != b"\x00":
            raise MalformedInput("a signature structure has a bit string of odd length")
        return self.content[1:]

    def time(self) -> float:
        """Return a UTCTime or GeneralizedTime as seconds since 1970 (RFC 5280, section 4.1.2.5)."""
        text = self.content
        if self.tag == _UTC_TIME and re.fullmatch(rb"[0-9]{12}Z", text):
            text = (b"19" if text >= b"50" else b"20") + text
        elif self.tag != _GENERALIZED_TIME or not re.fullmatch(rb"[0-9]{14}Z", text):
            raise MalformedInput("a certificate has a damaged date")
        try:
            month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
            return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC).timestamp()
        except ValueError as error:
            raise MalformedInput("a certificate has an impossible date") from error

    def expect(self, tag: int) -> "Element":
        """Return this element if it has a tag; raises ``MalformedInput``."""
        if self.tag != tag:
            raise MalformedInput("a signature structure is damaged")
        return self


class Children:
    """The elements of a constructed one, taken from the front."""

    __slots__ = ("_elements", "_next")

    def __init__(self, elements: list[Element]) -> None:
        self._elements = elements
        self._next = 0

    def __iter__(self) -> Iterator[Element]:
        """Yield those that are left."""
        yield from self._elements[self._next :]

    def take(self, tag: int) -> Element:
        """Return the next one, which must have this tag; raises ``MalformedInput``."""
        element = self.take_if(tag)
        if element is None:
            raise MalformedInput("a signature structure is damaged")
        return element

    def take_if(self, tag: int) -> Element | None:
        """Return the next one if it has this tag."""
        if self._next == len(self._elements) or self._elements[self._next].tag != tag:
            return None
        self._next += 1
        return self._elements[self._next - 1]


def first(data: bytes) -> Element:
    """Return the element that ``data`` begins with; raises ``MalformedInput``."""
    start, end = _content(data, 0)
    return Element(data[0], data[start:end], data[:end])


def parse(data: bytes) -> Element:
    """Return the one element that ``data`` is; raises ``MalformedInput``."""
    elements = list(_elements(data))
    if len(elements) != 1:
        raise MalformedInput("a signature structure is damaged")
    return elements[0]


def _elements(data: bytes) -> Iterator[Element]:
    position = 0
    while position < len(data):
        start, end = _content(data, position)
        yield Element(data[position], data[start:end], data[position:end])
        position = end


def _content(data: bytes, position: int) -> tuple[int, int]:
    """Return where the content of the element at ``position`` starts and ends: one-byte tags, definite lengths."""
    header = data[position : position + 2]
    if len(header) < 2 or header[0] & 0x1F == 0x1F:
        raise MalformedInput("a signature structure is cut off, or has tags that none has")
    start, length = position + 2, header[1]
    if length >= 0x80:
        count = length & 0x7F
        coded = data[start : start + count]
        length = int.from_bytes(coded, "big")
        if not 1 <= count <= 4 or len(coded) < count or coded[0] == 0 or length < 0x80:
            raise MalformedInput("a signature structure has a damaged length")
        start += count
    if start + length > len(data):
        raise MalformedInput("a signature structure is cut off")
    return start, start + length
