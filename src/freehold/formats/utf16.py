"""Text in UTF-16, as UTF-8: so that signatures of scripts see what they were written for."""

import codecs
from collections.abc import Callable, Iterator

from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_PIECE = 1 << 19
_HEAD = 512
_Decode = Callable[[bytes, str, bool], tuple[str, int]]
_LITTLE, _BIG = b"\xff\xfe", b"\xfe\xff"


def as_utf8(data: bytes) -> bytes:
    """Return a string that may begin with a byte-order mark as UTF-8; one without is returned as it is."""
    if data[:2] == _BIG:
        return _encoded(codecs.utf_16_be_decode(data[2:], "replace", False)[0])
    if data[:2] == _LITTLE:
        return little_endian_as_utf8(data[2:])
    return data.removeprefix(b"\xef\xbb\xbf")


def little_endian_as_utf8(data: bytes) -> bytes:
    """Return UTF-16, least significant byte first and without a mark, as UTF-8."""
    return _encoded(codecs.utf_16_le_decode(data, "replace", False)[0])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def looks_like_text(text: str) -> bool:
    """Whether decoded UTF-16 is free of control characters and of what is no character."""
    odd = sum(1 for character in text if character == "\ufffd" or (character < " " and character not in "\t\r\n\f\0"))
    return bool(text) and odd * 20 <= len(text)


class _Utf16:
    name = "utf16"
    types = frozenset({"utf16"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; what merely begins like UTF-16 has no children."""
        mark = view.read(0, 2)
        start = 2 if mark in (_BIG, _LITTLE) else 0
        big = mark == _BIG or (not start and mark[:1] == b"\0")
        decode = codecs.utf_16_be_decode if big else codecs.utf_16_le_decode
        head = decode(view.read(start, _HEAD), "replace", False)[0]
        if looks_like_text(head):
            yield Child("text", _chunks(view, start, decode, unpacking))


def _chunks(view: View, position: int, decode: _Decode, unpacking: Unpacking) -> Iterator[bytes]:
    while position < view.size:
        text, used = decode(view.read(position, _PIECE), "replace", False)
        if not used:
            return
        position += used
        if text:
            yield _encoded(text)
        unpacking.budget.tick()


FORMAT: Format = _Utf16()
