"""Transfer encodings of mail: base64, quoted-printable and uuencode.

All are decoded piece by piece, and as the most forgiving reader would: what does not belong to the encoding is skipped.

Source: RFC 2045 section 6, POSIX uuencode.
"""

import binascii
import re
from collections.abc import Iterator

_PIECE = 1 << 18
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
_PADDING = re.compile(rb"=+")
_BARE_CR_SOFT_BREAK = re.compile(rb"=\r(?!\n)")
_PADDED_SOFT_BREAK = re.compile(rb"=[ \t]++(?=[\r\n])")
_LINE = re.compile(rb"[^\r\n]+")
_UU_CHUNK_LINES = 1024


def decode_base64(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Decode data[start:end]; padding in the middle ends a group, and what follows it is decoded too."""
    carry = b""
    for position in range(start, end, _PIECE):
        text = carry + data[position : min(position + _PIECE, end)].translate(None, _NOT_BASE64)
        *groups, last = _PADDING.split(text) if b"=" in text else (text,)
        whole = len(last) & ~3
        carry = last[whole:]
        out = b"".join(map(_decode_group, [*groups, last[:whole]]))
        if out:
            yield out
    out = _decode_group(carry)
    if out:
        yield out


def _decode_group(text: bytes) -> bytes:
    """Decode characters of the alphabet without padding; a single character left over says nothing."""
    surplus = len(text) & 3
    if surplus == 1:
        text = text[:-1]
    elif surplus:
        text += b"=" * (4 - surplus)
    return binascii.a2b_base64(text)


def decode_quoted_printable(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Decode data[start:end]; soft line breaks may have spaces before them and any line ending."""
    position = start
    while position < end:
        stop = _quoted_printable_stop(data, position, end)
        piece = data[position:stop]
        if b"=\r" in piece:
            piece = _BARE_CR_SOFT_BREAK.sub(b"=\r\n", piece)
        if b"= " in piece or b"=\t" in piece:
            piece = _PADDED_SOFT_BREAK.sub(b"=", piece)
        out = binascii.a2b_qp(piece)
        if out:
            yield out
        position = stop


def _quoted_printable_stop(data: bytes, start: int, end: int) -> int:
    """Return where to cut, so that no escape or soft line break is cut through."""
    stop = start + _PIECE
    if stop >= end:
        return end
    newline = data.rfind(b"\n", start, stop)
    if newline >= 0:
        return newline + 1
    escape = data.rfind(b"=", stop - 3, stop)
    return escape if escape > start else stop


def decode_uu(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Decode the lines of data[start:end] up to an empty one or the one that says ``end``."""
    out: list[bytes] = []
    for found in _LINE.finditer(data, start, end):
        line = found[0]
        if line.rstrip() in (b"end", b"`", b""):
            break
        if line.startswith(b"begin "):
            continue
        characters = ((line[0] - 32 & 63) + 2) // 3 * 4
        try:
            out.append(binascii.a2b_uu(line[: 1 + characters]))
        except binascii.Error:
            continue
        if len(out) >= _UU_CHUNK_LINES:
            yield from filter(None, [b"".join(out)])
            out.clear()
    yield from filter(None, [b"".join(out)])
