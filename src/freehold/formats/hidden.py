"""What texts hide in strings: base64 and hexadecimal digits that make a program, a document or another script.

Texts are the bulk of all files, so the first question is answered in microseconds: does any run of characters have the
length of something hidden? Only then expressions look for it, and only what decodes to something known comes out.
PowerShell's encoded commands, PHP's ``eval(base64_decode(…))``, ``echo … | base64 -d | sh``, attachments in calendars
and cards, Office documents as flat XML, and armoured signatures are all the same here.
"""

import binascii
import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from freehold.formats.literals import LiteralSearch
from freehold.formats.transfer import decode_base64
from freehold.formats.utf16 import little_endian_as_utf8
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

if TYPE_CHECKING:
    from freehold.formats.streams import Stream

_SHORTEST = 48
"""Characters of the first line of a run: what hides in fewer is not worth the time."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IN_RUN = bytes(65 if byte in _ALPHABET else 32 for byte in range(256))
_LONG_RUN = b"A" * _SHORTEST
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))
_LINE_BREAK = rb"[ \t]{0,16}+(?:\r?\n|\\r?\\n|\\n|&#x?[0dDaA1]{1,3};)[ \t]{0,64}+"
_JOINT = rb"[\"'][ \t]{0,16}+(?:_[ \t]{0,16}+)?[+&.,]?[ \t]{0,16}+_?\s{0,64}+[+&.]?\s{0,64}+[\"']"
_RUN = re.compile(
    rb"[A-Za-z0-9+/]{48,}+(?:(?:%s|%s)[A-Za-z0-9+/]{1,}+(?=[\s\"'=<\\&,;)}]|\Z)|)*+={0,2}" % (_LINE_BREAK, _JOINT)
)
"""A long line of digits with what follows it in further lines, or in further strings that are joined to it."""

_HEX = re.compile(rb"[0-9A-Fa-f]{64,}+\Z")
_HEAD = 96
_LASTING = 16 << 10
_TABLE_OF_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\r\n\f\x1b") + b"\x7f"
_NOT_PLAIN = _TABLE_OF_CONTROL + bytes(range(128, 256))
_MOST = 5000
_SAID = (b"nflate", b"Deflate", b"gzuncompress", b"rot13", b"strrev", b"everse", b"::-1]")
_WORDS = LiteralSearch([(word, False) for word in _SAID])
_LARGE = 1 << 20
"""From so many bytes on it is worth while to compile a search for all of these words."""

_ROT13 = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", b"NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"
)
_KNOWN = (
    b"MZ",
    b"PK\x03\x04",
    b"\x7fELF",
    b"%PDF-",
    b"\xd0\xcf\x11\xe0",
    b"{\\rt",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"Rar!",
    b"MSCF",
    b"ActiveMime",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\x00asm",
    b"dex\n",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\xfc\xe8",
    b"\xfc\x48\x83",
    b"\x4c\x00\x00\x00\x01\x14\x02",
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07",
)
"""What decoded content may begin with, beside text: programs, documents, archives, pictures, code that is injected."""

_ATTACHED = re.compile(rb"ENCODING=B(?:ASE64)?[^:\r\n]{0,128}:[ \t]{0,16}(?:\r?\n[ \t]{1,16})?\Z", re.IGNORECASE)
"""What stands before an attachment in calendars and cards (RFC 5545 3.8.1.1, RFC 2426)."""

_BEFORE = 160
_MESSAGE = re.compile(rb"\x30[\x80-\x84].{0,4}\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", re.DOTALL)
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")


def children(data: bytes, unpacking: Unpacking, *, addresses: bool = True) -> Iterator[Child]:
    """Yield what is hidden in a text; with ``addresses`` also all that ``data:`` addresses carry."""
    marked = data.translate(_IN_RUN)
    if _LONG_RUN in marked:
        yield from _decoded_runs(data, marked, unpacking, addresses=addresses)


def _runs(data: bytes, marked: bytes, unpacking: Unpacking) -> Iterator[re.Match[bytes]]:
    """Yield the runs of a text; ``marked`` says of every character whether it may belong to one."""
    at = marked.find(_LONG_RUN)
    while at >= 0:
        unpacking.budget.tick()
        found = _RUN.match(data, at)
        if found is None:
            return
        yield found
        at = marked.find(_LONG_RUN, found.end())


def _decoded_runs(data: bytes, marked: bytes, unpacking: Unpacking, *, addresses: bool) -> Iterator[Child]:
    compressed, turned, reversed_ = _means(data)
    count = 0
    for found in _runs(data, marked, unpacking):
        in_address = data[max(found.start() - 8, 0) : found.start()] == b";base64,"
        if in_address and not addresses:
            continue
        attached = in_address or _ATTACHED.search(data, max(found.start() - _BEFORE, 0), found.start()) is not None
        if turned and compressed:
            yield from _turned_content(f"hidden-{found.start()}", found[0].translate(None, _NOT_BASE64), unpacking)
        for digits in _spellings(found[0], turned=turned, reversed_=reversed_):
            name = f"hidden-{found.start()}"
            child = _content(name, digits, unpacking, anything=attached, compressed=compressed)
            if child is None:
                continue
            count += 1
            if count > _MOST:
                unpacking.problem(ProblemKind.LIMIT, f"the text hides more than {_MOST} things")
                return
            yield child
            break


def _means(data: bytes) -> tuple[bool, bool, bool]:
    """Whether a text speaks of what inflates, of what turns letters by 13 places, and of what turns strings round."""
    if len(data) >= _LARGE:
        _, found = _WORDS.places(data, 0)
    else:
        found = frozenset(number for number, word in enumerate(_SAID) if word in data)
    return not found.isdisjoint((0, 1, 2)), 3 in found, not found.isdisjoint((4, 5, 6))


def _spellings(run: bytes, *, turned: bool, reversed_: bool) -> Iterator[bytes]:
    """Yield the digits of a run as they stand, and turned as the text says it turns them."""
    digits = run.translate(None, _NOT_BASE64)
    yield digits
    if turned:
        yield digits.translate(_ROT13)
    if reversed_:
        yield digits[::-1]
        if turned:
            yield digits[::-1].translate(_ROT13)


def _content(name: str, digits: bytes, unpacking: Unpacking, *, anything: bool, compressed: bool) -> Child | None:
    """Return what a run of digits decodes to if that is something known, or ``anything`` is wanted."""
    if _HEX.match(digits):
        head = binascii.unhexlify(digits[: 2 * _HEAD & ~1][: len(digits) & ~1])
        if _is_known(head):
            return Child(name, [binascii.unhexlify(digits[: len(digits) & ~1])])
    head = binascii.a2b_base64(digits[: min(_HEAD // 3 * 4, len(digits) & ~3)])
    if _is_wide(head):
        return Child(name, [little_endian_as_utf8(_whole(digits))])
    if anything or _is_known(head):
        return Child(name, decode_base64(digits, 0, len(digits)))
    if (compressed or _ZLIB.match(head)) and _inflates(head) and _goes_on_inflating(digits):
        stream = _inflated(BytesView(_whole(digits)), unpacking, name)
        return Child(name, stream.chunks(), stream.consumed)
    return None


def _turned_content(name: str, digits: bytes, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what is inflated after decoded bytes were turned, and what is turned after it was inflated, as PHP can."""
    head = binascii.a2b_base64(digits[: min(_HEAD // 3 * 4, len(digits) & ~3)])
    for before, after in ((_ROT13, None), (None, _ROT13)):
        if _inflates(head.translate(before)):
            stream = _inflated(BytesView(_whole(digits).translate(before)), unpacking, name)
            yield Child(name, (chunk.translate(after) for chunk in stream.chunks()), stream.consumed)


def _inflated(view: View, unpacking: Unpacking, name: str) -> "Stream":
    from freehold.formats.pdffilters import inflated  # all texts come here, few of them with anything deflated

    return inflated(view, unpacking, name)


def _whole(digits: bytes) -> bytes:
    return b"".join(decode_base64(digits, 0, len(digits)))


def _is_known(head: bytes) -> bool:
    return head.startswith(_KNOWN) or _is_plain(head) or _MESSAGE.match(head) is not None


def _is_plain(head: bytes) -> bool:
    """Text: ASCII, or at least UTF-8 without control characters."""
    plain = head.translate(None, _NOT_PLAIN)
    if len(plain) == len(head):
        return True
    if len(plain) < len(head) // 2 or len(head.translate(None, _TABLE_OF_CONTROL)) != len(head):
        return False
    try:
        head[:-3].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _is_wide(head: bytes) -> bool:
    """UTF-16, least significant byte first, of mostly ASCII characters."""
    low, high = head[: len(head) & ~1 : 2], head[1::2]
    return high.count(0) * 10 >= len(high) * 9 and len(low.translate(None, _NOT_PLAIN)) * 10 >= len(low) * 9


def _inflates(head: bytes) -> bool:
    """Whether deflated content, perhaps behind zlib's header, begins like something known."""
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        out = decoder.decompress(head[2:] if _ZLIB.match(head) else head, _HEAD)
    except zlib.error:
        return False
    return len(out) >= 8 and _is_known(out)


def _goes_on_inflating(digits: bytes) -> bool:
    """Whether it was no accident that the beginning could be inflated: chance does not last for kilobytes."""
    start = binascii.a2b_base64(digits[: min(_LASTING, len(digits) & ~3)])
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        decoder.decompress(start[2:] if _ZLIB.match(start) else start, 16 * _LASTING)
    except zlib.error:
        return False
    return True
