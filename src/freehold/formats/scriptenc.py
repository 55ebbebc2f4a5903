"""Microsoft's Script Encoder: what stands between ``#@~^`` and ``^#~@`` in .jse, .vbe, .asp and HTML files.

Every character is replaced by one of three alphabets, in an order that repeats after 64 characters. Characters beyond
ASCII are left as they are and do not count.
"""

import re
from collections.abc import Iterator

BEGIN = b"#@~^"
_BLOCK = re.compile(rb"#@~\^[A-Za-z0-9+/]{6}==")
_END = b"^#~@"
_CHECKSUM = re.compile(rb"[A-Za-z0-9+/]{6}==\Z")
_ASCII = re.compile(rb"[\x00-\x7f]+")
_ESCAPED = re.compile(rb"@([&#*!$])")
_ESCAPES = {b"&": b"\n", b"#": b"\r", b"*": b">", b"!": b"<", b"$": b"@"}
_ORDER = b"0120121221210212021200122102122100212120200120210212001220012021"
_SUBSTITUTES = (
    (
        "572e477a56426a2f26494134325b7672433839704568714f09624423753c7e3e5e40774a615d224b6f4e3b4c50672a7d74"
        "542b2d2c306e6b66352521644d52633f7b7829287359337f6d55537c3a5f65465831696c5a48275c3d24793760512036"
    ),
    (
        "6e2d755260715e495c627d2936207c7a7f6b63332b68516676316454433c3a3e7e40452c2a7427374479592f6f26726a39"
        "7b3f387767534734785d30235a5b6c485570692e4c21244e5009567335614b583b57226d4d2528464a32413d5f4f4265"
    ),
    (
        "7b323021295b38333d583a3565395c5673664e456b6259785e7d4a6d713c603e5340422748727531374d5222546a47642d"
        "207f2e4c5d7e6c6f797443267625242b28234134092a443f773b55696163506751494f46687c36706e7a2f5f4b5a2c57"
    ),
)
"""What a tab, and the characters from the blank to DEL, stand for."""


def _alphabet(substitutes: str) -> bytes:
    values = bytes.fromhex(substitutes)
    return bytes(range(9)) + values[:1] + bytes(range(10, 32)) + values[1:] + bytes(range(128, 256))


_ALPHABETS = [_alphabet(substitutes) for substitutes in _SUBSTITUTES]


def decode(data: bytes) -> bytes:
    """Decode the characters of one block, without its header and its checksum."""
    text = _ESCAPED.sub(lambda found: _ESCAPES[found[1]], data)
    out = bytearray(text)
    count = 0
    for found in _ASCII.finditer(text):
        start, end = found.span()
        for phase in range(min(len(_ORDER), end - start)):
            places = slice(start + phase, end, len(_ORDER))
            out[places] = text[places].translate(_ALPHABETS[_ORDER[(count + phase) % len(_ORDER)] - 48])
        count += end - start
    return bytes(out)


def blocks(data: bytes) -> Iterator[bytes]:
    """Yield the decoded content of every block in a text; a block without an end lasts to the next one."""
    for found in _BLOCK.finditer(data):
        end = data.find(_END, found.end())
        following = _BLOCK.search(data, found.end())
        limit = following.start() if following else len(data)
        content = data[found.end() : end if 0 <= end <= limit else limit]
        yield decode(_CHECKSUM.sub(b"", content))
