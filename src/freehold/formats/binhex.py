"""BinHex 4.0: a Macintosh file with its two forks as text.

Source: RFC 1741, appendix A.
"""

import binascii
import re
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MARK = b"(This file must be converted with BinHex"
_BYTES = 64 << 20
_BEGIN = re.compile(rb"\(This file must be converted with BinHex[^\r\n]{0,80}[\r\n]\s*:")
_ALPHABET = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_AS_BASE64 = bytes.maketrans(_ALPHABET, _BASE64)
_NOT_BINHEX = bytes(set(range(256)) - set(_ALPHABET))
_REPEAT = 0x90
_HEADER = 1 + 4 + 4 + 2 + 4 + 4


def _expanded(packed: bytes, limit: int) -> bytes:
    """Undo the runs: a byte, 0x90 and how often the byte stands there; 0x90 and 0 is the byte 0x90."""
    out = bytearray()
    position = 0
    while position < len(packed) and len(out) < limit:
        mark = packed.find(_REPEAT, position)
        if mark < 0 or mark + 1 >= len(packed):
            out += packed[position : mark if mark >= 0 else len(packed)]
            break
        out += packed[position:mark]
        count = packed[mark + 1]
        if not count:
            out.append(_REPEAT)
        elif out:
            out += out[-1:] * (count - 1)
        position = mark + 2
    return bytes(out)


def encoded_files(data: bytes, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the forks of every file that a text carries."""
    for found in _BEGIN.finditer(data):
        unpacking.budget.tick()
        end = data.find(b":", found.end())
        if end < 0:
            unpacking.problem(ProblemKind.TRUNCATED, "the BinHex text has no end")
        text = data[found.end() : end if end >= 0 else len(data)].translate(None, _NOT_BINHEX)
        digits = text.translate(_AS_BASE64)
        digits = digits[:-1] if len(digits) & 3 == 1 else digits
        packed = binascii.a2b_base64(digits + b"=" * (-len(digits) & 3))
        yield from _forks(_expanded(packed, _BYTES), unpacking)


def _forks(plain: bytes, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the data fork and the resource fork, which checksums follow."""
    name = plain[1 : 1 + plain[0]] if plain else b""
    header = plain[1 + len(name) : 1 + len(name) + _HEADER]
    if len(header) < _HEADER:
        raise MalformedInput("the BinHex header is cut off")
    position = 1 + len(name) + _HEADER + 2
    for suffix, field in (("", header[11:15]), (".rsrc", header[15:19])):
        size = int.from_bytes(field, "big")
        content = plain[position : position + size]
        if len(content) < size:
            unpacking.problem(ProblemKind.TRUNCATED, f"a fork of {size} bytes is cut off")
        if content:
            yield Child(name.decode("utf-8", "surrogateescape") + suffix, [content])
        position += size + 2


class _BinHex:
    name = "binhex"
    types = frozenset({"binhex"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when there is no header."""
        data = view.read(0, _BYTES)
        if not _BEGIN.match(data):
            raise MalformedInput("the line with a colon is missing")
        yield from encoded_files(data, unpacking)


FORMAT: Format = _BinHex()
