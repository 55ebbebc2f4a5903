"""Header blocks of mail: fields, their parameters, and the names hidden in them.

Read as the most forgiving mail program would: folded lines with any line ending, comments and spaces anywhere, lines
that are no fields between fields, and every occurrence of a duplicate field.

Source: RFC 5322 section 2.2, RFC 2045 section 5, RFC 2047, RFC 2231.
"""

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

_LINES = 1000
_BYTES = 1 << 18
_NAME_BYTES = 4096
_LINE = re.compile(rb"([^\r\n]*+)(?:\r\n|\n|\r|\Z)")
_FIELD = re.compile(rb"([!-'*-9;-~]{1,256})[ \t]*(?:\([^()\r\n]{0,256}\))?[ \t]*:")
_COMMENT = re.compile(rb"\([^()]{0,1024}\)")
_PARAMETER = re.compile(rb';[\s;]*+([^\s=;"]{1,256})\s*+=\s*+(?:"((?>(?:[^"\\]|\\.)*))"|([^;]*))', re.DOTALL)
_CONTINUED = re.compile(r"(.*?)(?:\*(\d{1,4}))?(\*?)\Z", re.DOTALL)
_ENCODED_WORD = re.compile(rb"=\?([^?\s]{1,64})\?([BbQq])\?([^?]{0,4096})\?=(?:\s+(?==\?))?")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_TYPE = re.compile(rb"\s*([\w.+-]+/[\w.+-]+)")
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "iso-8859-1": "latin-1", "windows-1252": "latin-1"}
_ENCODINGS = (
    (re.compile(rb"base64"), "base64"),
    (re.compile(rb"quoted-?printable"), "quoted-printable"),
    (re.compile(rb"\bx?-?uu"), "uuencode"),
)


class Header(NamedTuple):
    """One block of fields.

    Attributes:
        start: where it begins.
        end: where the body begins.
        content_type: as the last field of that name says, lower case; "" without one.
        encodings: every transfer encoding that some field names.
        boundaries: every boundary that some field declares.
        name: what the part calls its content, "" when it does not.
    """

    start: int
    end: int
    content_type: str
    encodings: tuple[str, ...]
    boundaries: tuple[bytes, ...]
    name: str


def line_at(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the line at ``position`` without its ending, and where the next one begins."""
    found = _LINE.match(data, position)
    return (found[1], found.end()) if found else (b"", len(data))


def is_field(line: bytes) -> bool:
    """Tell whether a line begins a field."""
    return _FIELD.match(line) is not None


def read_header(data: bytes, start: int) -> Header:
    """Return the header block at ``start``; it may be empty, and it may end without a blank line."""
    fields, end = _read_fields(data, start)
    content_type = name = ""
    encodings: dict[str, None] = {}
    boundaries: dict[bytes, None] = {}
    for field, value in fields:
        if field == b"content-transfer-encoding":
            encodings.update(dict.fromkeys(_encodings(value)))
        elif field in (b"content-type", b"content-disposition"):
            parameters = _parameters(value)
            name = parameters.get("filename") or parameters.get("name") or name
            found = _TYPE.match(value)
            if found and field == b"content-type":
                content_type = found[1].lower().decode("ascii", "replace")
            boundaries.update(dict.fromkeys(_boundaries(value, parameters)))
    return Header(start, end, content_type, tuple(encodings), tuple(boundaries), name)


def _read_fields(data: bytes, start: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Return the unfolded fields of a block, names in lower case, and where the body begins."""
    fields: list[tuple[bytes, bytearray]] = []
    position = start
    for _ in range(_LINES):
        if position >= len(data) or position - start > _BYTES:
            break
        line, following = line_at(data, position)
        if not line:
            position = following
            break
        found = _FIELD.match(line)
        if found:
            fields.append((found[1].lower(), bytearray(line[found.end() : found.end() + _BYTES])))
        elif line[:1] in b" \t":
            if fields:
                fields[-1][1].extend(line[:_BYTES])
        elif not is_field(line_at(data, following)[0]):
            break
        position = following
    return [(field, bytes(value)) for field, value in fields], position


def _encodings(value: bytes) -> Iterator[str]:
    value = value.lower()
    for text in (value, _COMMENT.sub(b"", value)):
        for pattern, encoding in _ENCODINGS:
            if pattern.search(text):
                yield encoding


def _boundaries(value: bytes, parameters: dict[str, str]) -> Iterator[bytes]:
    """Yield every boundary of a field: each plain occurrence, and the one that was continued."""
    for found in _PARAMETER.finditer(value):
        if found[1].lower() == b"boundary":
            yield _plain(found).rstrip()
    joined = parameters.get("boundary", "")
    if joined:
        yield joined.encode("utf-8", "surrogateescape").rstrip()


def _plain(found: re.Match[bytes]) -> bytes:
    return found[3].strip() if found[2] is None else _ESCAPED.sub(rb"\1", found[2])


def _parameters(value: bytes) -> dict[str, str]:
    """Return the parameters of a field, names in lower case; the last of several wins."""
    parameters: dict[str, str] = {}
    pieces: dict[str, dict[int, bytes]] = {}
    charsets: dict[str, str] = {}
    for found in _PARAMETER.finditer(value):
        attribute = _CONTINUED.match(found[1].lower().decode("latin-1"))
        if attribute is None:
            continue
        name, index, extended = attribute[1], int(attribute[2] or 0), attribute[3]
        text = _plain(found)
        if extended:
            if index == 0 and text.count(b"'") >= 2:
                charset, _, text = text.split(b"'", 2)
                charsets[name] = charset.lower().decode("latin-1")
            text = _PERCENT.sub(_percent_byte, text)
        if attribute[2] or extended:
            pieces.setdefault(name, {})[index] = text
        else:
            parameters[name] = _decode_words(text[:_NAME_BYTES])
    for name, numbered in pieces.items():
        joined = b"".join(numbered[index] for index in sorted(numbered))
        parameters[name] = _decode(joined[:_NAME_BYTES], charsets.get(name, ""))
    return parameters


def _percent_byte(found: re.Match[bytes]) -> bytes:
    return binascii.a2b_hex(found[1])


def _decode(text: bytes, charset: str) -> str:
    """Decode a name; a charset that would have to be looked up is left as bytes."""
    return text.decode(_CHARSETS.get(charset, "utf-8"), "surrogateescape")


def _decode_words(text: bytes) -> str:
    """Decode the encoded words of a name; names without any are taken as they are."""
    if b"=?" not in text:
        return _decode(text, "")
    out = []
    position = 0
    for found in _ENCODED_WORD.finditer(text):
        out.append(_decode(text[position : found.start()], ""))
        out.append(_decode_word(found))
        position = found.end()
    out.append(_decode(text[position:], ""))
    return "".join(out)


def _decode_word(found: re.Match[bytes]) -> str:
    if found[2] in b"Qq":
        word = binascii.a2b_qp(found[3], header=True)
    else:
        try:
            word = binascii.a2b_base64(found[3] + b"==")
        except binascii.Error:
            word = found[0]
    return _decode(word, found[1].lower().decode("latin-1"))
