"""Golden and malformed samples of documents and texts that hide something."""

import random

from tests.formats import pages

TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 40
DATA = random.Random(7).randbytes(3000)
_CHAIN = (b"ASCII85Decode", b"RunLengthDecode", b"ASCIIHexDecode", b"FlateDecode")
_LINES = "Zeile ä€\r\n" * 50
_SCRIPT = b"app.alert('hello from the document');"

_PDF = pages.pdf(
    pages.embedded(b"data.bin", DATA),
    pages.pdf_object(20, b"/Filter [ /%s ]" % b" /".join(_CHAIN), pages.filtered(TEXT, *_CHAIN)),
    pages.pdf_object(21, b"<< /S /JavaScript /JS (%s) >>" % _SCRIPT),
)

GOLDEN: list[tuple[str, str, bytes, dict[str, bytes]]] = [
    ("pdf", "embedded.pdf", _PDF, {"data.bin": DATA, "object-20": TEXT, "javascript": _SCRIPT}),
    ("utf16", "little.txt", ("\ufeff" + _LINES).encode("utf-16-le"), {"text": _LINES.encode()}),
    ("utf16", "big.txt", ("\ufeff" + _LINES).encode("utf-16-be"), {"text": _LINES.encode()}),
]
MALFORMED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("pdf", "truncated.pdf", "embedded.pdf", slice(0, 1000), ["truncated"]),
    ("pdf", "no-objects.pdf", "embedded.pdf", slice(0, 15), ["malformed"]),
    ("utf16", "half-a-character.txt", "little.txt", slice(0, 21), []),
]
