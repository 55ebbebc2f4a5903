r"""Scripts whose strings are spelled out: ``\x63\x61``, ``Chr(99) & Chr(97)``, ``[char]99+[char]97``, ``'c'+'a'``.

Such a script is mostly punctuation that repeats. So the letters are taken out of a few pieces of the text, and only if
what is left repeats, all of it is rewritten with its strings as they would be read: one child, shorter than its parent,
which may be spelled out again. Long lists of numbers that are content of their own (a program, code that is injected)
are children of their own.
"""

import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from freehold.model.interfaces import Child, Unpacking

_SAMPLE = 5 << 10
_MOST_BYTES = 4 << 20
"""Longer texts are left as they are."""
_LONG = 32
_NOT_PUNCTUATION = bytes(byte for byte in range(256) if byte > 126 or byte <= 32 or chr(byte).isalnum() or byte == 95)
# Atomic groups, not possessive ones: up to 3.11.4, re loses its place when a possessive group fails midway.
_ESCAPES = re.compile(rb"(?>(?:\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}){2,})")
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([0-3][0-7]{2}))")
_PERCENTS = re.compile(rb"(?>(?:%[0-9A-Fa-f]{2})+)")
_WIDE = re.compile(rb"(?>(?:[\\%]u[0-9A-Fa-f]{4}){2,})")
_REFERENCES = re.compile(rb"(?>(?:&#(?:\d{1,3}|x[0-9A-Fa-f]{1,2});){4,})")
_NUMBER = rb"(?:0[xX][0-9A-Fa-f]{1,2}+|\d{1,3}+)"
_LIST = re.compile(rb"(?<![\w.])%s(?>(?:\s{0,8}+,(?:\s{0,8}+_)?\s{0,32}+%s){15,})" % (_NUMBER, _NUMBER))
_VALUE = re.compile(rb"0[xX]([0-9A-Fa-f]{1,2})|(\d{1,3})")
_CODES = re.compile(rb"String\.fromCharCode\(([\d\s,xXA-Fa-f]{1,65536})\)")
_CHARACTER = (
    rb"(?:\(\[(?:System\.)?char\]\s?(?:0x[0-9a-f]{1,2}|\d{1,3})\)"
    rb"|\[(?:System\.)?char\]\s?(?:\(\s?(?:0x[0-9a-f]{1,2}|\d{1,3})\s?\)|0x[0-9a-f]{1,2}|\d{1,3})"
    rb"|\bchrw?\$?\(\s{0,4}(?:&H[0-9a-f]{1,2}|0x[0-9a-f]{1,2}|\d{1,3})\s{0,4}\))"
)
_CHARACTERS = re.compile(rb"%s(?>(?:\s{0,8}[.&+]\s{0,8}(?:_\s{1,8})?%s){2,})" % (_CHARACTER, _CHARACTER), re.IGNORECASE)
_CODE = re.compile(rb"(?:&H|0x)([0-9A-Fa-f]{1,2})|(\d{1,3})", re.IGNORECASE)
_JOINED = re.compile(rb"'\s{0,8}[+.&]\s{0,8}(?:_\s{1,8})?'|\"\s{0,8}[+.&]\s{0,8}(?:_\s{1,8})?\"")
_CARETS = re.compile(rb"\^(?<=[A-Za-z/]\^)(?=[A-Za-z/])")
_TICKS = re.compile(rb"`(?<=[A-Za-z]`)(?=[A-Za-z])")
_UTF7 = re.compile(rb"\+A[A-P][A-Za-z0-9+/]{1,64}-")

_Value = Callable[[bytes], bytes]


class _Spelling(NamedTuple):
    """One way of spelling strings out.

    Attributes:
        pattern: a run that is spelled in this way.
        meaning: what stands for the run in the text that is rewritten.
        value: what the run spells, where that may be content of its own.
    """

    pattern: re.Pattern[bytes]
    meaning: Callable[[re.Match[bytes]], bytes]
    value: _Value | None = None


def children(data: bytes, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the text with its strings as they would be read, if they are spelled out, and what long lists spell."""
    found = _spellings(data)
    text = data
    for pattern, meaning, value in found:
        if value is not None:
            yield from _contents(data, pattern, value, unpacking)
        text = pattern.sub(meaning, text)
        unpacking.budget.tick()
    if text and len(text) < len(data):
        yield Child("respelled", [text])


def _spellings(data: bytes) -> "dict[_Spelling, None]":
    """Return the ways in which a text seems to be spelled out."""
    size = len(data)
    if size > _MOST_BYTES:
        return {}
    if size > 3 * _SAMPLE:
        middle = size // 2
        data = data[:_SAMPLE] + data[middle : middle + _SAMPLE] + data[-_SAMPLE:]
    left = data.translate(None, _NOT_PUNCTUATION)
    if len(left) < _SHORTEST_MARK:
        return {}
    likely = [row for shared, row in _MARKS if shared in left]
    found = dict.fromkeys(s for row in likely for mark, spellings in row if mark in left for s in spellings)
    return {spelling: None for spelling in found if spelling.pattern.search(data)}


def _contents(data: bytes, pattern: re.Pattern[bytes], value: _Value, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what is spelled by runs that are long and no text."""
    for found in pattern.finditer(data):
        unpacking.budget.tick()
        content = value(found[0])
        if len(content) >= _LONG and not _is_text(content):
            yield Child(f"bytes-{found.start()}", [content])


def _listed(text: bytes) -> bytes:
    values = [int(found[1], 16) if found[1] else int(found[2]) for found in _VALUE.finditer(text)]
    return bytes(values) if max(values) < 256 else b""


def _escaped(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16) if found[1] else int(found[2], 8) & 0xFF,)), text)


def _wide_bytes(text: bytes) -> bytes:
    """Return what ``unescape`` puts into memory: the low byte of each unit first."""
    units = binascii.unhexlify(text.translate(None, b"\\%uU"))
    swapped = bytearray(len(units))
    swapped[::2], swapped[1::2] = units[1::2], units[::2]
    return bytes(swapped)


def _is_text(content: bytes) -> bool:
    return len(content.translate(None, _CONTROL)) == len(content)


_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\r\n") + b"\x7f" + bytes(range(128, 256))


def _or_as_it_was(content: bytes, text: bytes) -> bytes:
    """Return what a run means if that is text; otherwise the run."""
    return content if content and _is_text(content) else text


def _escapes(found: re.Match[bytes]) -> bytes:
    return _or_as_it_was(_escaped(found[0]), found[0])


def _percents(found: re.Match[bytes]) -> bytes:
    return _or_as_it_was(binascii.unhexlify(found[0].replace(b"%", b"")), found[0])


def _wide(found: re.Match[bytes]) -> bytes:
    return _or_as_it_was(_wide_bytes(found[0]).replace(b"\0", b""), found[0])


def _references(found: re.Match[bytes]) -> bytes:
    values = [int(text[1:], 16) if text[:1] == b"x" else int(text) for text in found[0][2:-1].split(b";&#")]
    return _or_as_it_was(bytes(values) if max(values) < 256 else b"", found[0])


def _quoted(content: bytes, text: bytes) -> bytes:
    quote = b"'" if b'"' in content else b'"'
    return quote + content + quote if content and _is_text(content) and len(content) + 2 < len(text) else text


def _codes(found: re.Match[bytes]) -> bytes:
    return _quoted(_listed(found[1]) if _VALUE.search(found[1]) else b"", found[0])


def _list(found: re.Match[bytes]) -> bytes:
    return _quoted(_listed(found[0]), found[0])


def _characters(found: re.Match[bytes]) -> bytes:
    values = [int(code[1], 16) if code[1] else int(code[2]) for code in _CODE.finditer(found[0])]
    return _quoted(bytes(values) if max(values) < 256 else b"", found[0])


def _nothing(_found: re.Match[bytes]) -> bytes:
    return b""


def _utf7(found: re.Match[bytes]) -> bytes:
    return codecs.utf_7_decode(found[0], "replace", True)[0].encode("utf-8", "replace")


_ESCAPED = _Spelling(_ESCAPES, _escapes, _escaped)
_WIDENED = _Spelling(_WIDE, _wide, _wide_bytes)
_SPELLED = _Spelling(_CHARACTERS, _characters)
_CONCATENATED = _Spelling(_JOINED, _nothing)
_MARKS: tuple[tuple[bytes, tuple[tuple[bytes, tuple[_Spelling, ...]], ...]], ...] = (
    (b"\\" * 8, ((b"\\" * 8, (_ESCAPED, _WIDENED)),)),
    (b"%" * 8, ((b"%" * 8, (_WIDENED, _Spelling(_PERCENTS, _percents))),)),
    (b"," * 16, ((b"," * 16, (_Spelling(_CODES, _codes), _Spelling(_LIST, _list, _listed))),)),
    (b"().", ((b"()." * 3, (_SPELLED,)),)),
    (b")&", tuple((mark * 3, (_SPELLED,)) for mark in (b"()&", b"(&)&", b"$()&"))),
    (b"[]+", ((b"[]+" * 3, (_SPELLED,)),)),
    (
        b")+",
        (
            *((mark * 3, (_SPELLED,)) for mark in (b"()+", b"$()+", b"[]()+", b"([])+")),
            (b".()+" * 3, (_Spelling(_CODES, _codes), _CONCATENATED)),
        ),
    ),
    (b"''", tuple((mark * 3, (_CONCATENATED,)) for mark in (b"'+'", b"'.'", b"'&'"))),
    (b'""', tuple((mark * 3, (_CONCATENATED,)) for mark in (b'"+"', b'"."', b'"&"'))),
    (b"^" * 6, ((b"^" * 6, (_Spelling(_CARETS, _nothing),)),)),
    (b"`" * 3, ((b"`" * 3, (_Spelling(_TICKS, _nothing),)),)),
    (b"`-`-", ((b"`-" * 3, (_Spelling(_TICKS, _nothing),)),)),
    (b"&#;" * 8, ((b"&#;" * 8, (_Spelling(_REFERENCES, _references),)),)),
    (b"+-" * 2, ((b"+-" * 2, (_Spelling(_UTF7, _utf7),)),)),
)
"""What is left of a text when letters, digits and blanks are taken out, and which ways of spelling that means.

The marks of a row all contain what stands before them, which nearly all texts do not.
"""

_SHORTEST_MARK = min(len(mark) for _, row in _MARKS for mark, _ in row)
