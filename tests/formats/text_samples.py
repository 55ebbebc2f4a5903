"""Golden and malformed samples of documents and texts that hide something."""

import base64
import binascii
import random
import zlib

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


def _folded(content: bytes) -> bytes:
    return base64.encodebytes(content).rstrip().replace(b"\n", b"\r\n ")


_PART = b'--=-b+1\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: a/b\r\n\r\n%s\r\n'
_FORM = (
    b"\x89HTTP\r\ncontent-type: multipart/form-data; boundary==-b+1\r\n\r\n"
    + _PART % (b"one", b"data.bin", DATA + b"\r\n--=-b+12\r\n")
    + _PART % (b"two", b"text.txt", TEXT)
    + b"--=-b+1--\r\n"
)

_COMMAND = "Write-Output 'nothing but a long harmless command line'"
_SHELL = b"#!/bin/sh\necho %s | base64 -d | sh\n"
_PAGE = (
    b'<html><script type="text/javascript">%s</script><img src="data:image/x;base64,%s">'
    b"<iframe src='data:text/html,%%3Cb%%3Ehello%%20there%%3C%%2Fb%%3E'></iframe></html>"
)
_LONG_SCRIPT = b"document.write('nothing');\n" * 4
_UU = b"".join(binascii.b2a_uu(DATA[at : at + 45]) for at in range(0, len(DATA), 45))

GOLDEN: list[tuple[str, str, bytes, dict[str, bytes]]] = [
    ("pdf", "embedded.pdf", _PDF, {"data.bin": DATA, "object-20": TEXT, "javascript": _SCRIPT}),
    ("http", "form.http", _FORM, {"data.bin": DATA + b"\r\n--=-b+12\r\n", "text.txt": TEXT}),
    ("http", "deflate.http", b"\x89HTTP\r\ncontent-encoding: deflate\r\n\r\n" + zlib.compress(TEXT), {"body": TEXT}),
    ("http", "range.http", b"\x89HTTP\r\ncontent-range: bytes 0-2999/3000\r\n\r\n" + DATA, {"body": DATA}),
    ("utf16", "little.txt", ("\ufeff" + _LINES).encode("utf-16-le"), {"text": _LINES.encode()}),
    ("utf16", "big.txt", ("\ufeff" + _LINES).encode("utf-16-be"), {"text": _LINES.encode()}),
    (
        "script",
        "powershell.cmd",
        b"powershell -nop -enc %s\r\n" % base64.b64encode(_COMMAND.encode("utf-16-le")),
        {"hidden-21": _COMMAND.encode()},
    ),
    ("script", "piped.sh", _SHELL % base64.b64encode(TEXT), {"hidden-15": TEXT}),
    (
        "script",
        "card.vcf",
        b"PHOTO;ENCODING=BASE64:%s\r\nEND:VCARD\r\n" % _folded(b"GIF89a" + DATA),
        {"hidden-22": b"GIF89a" + DATA},
    ),
    (
        "html",
        "page.html",
        _PAGE % (_LONG_SCRIPT, base64.b64encode(DATA)),
        {"script-1": _LONG_SCRIPT, "data-2": DATA, "data-3": b"<b>hello there</b>"},
    ),
    ("uu", "file.uu", b"begin 644 data.bin\n%s`\nend\n" % _UU, {"data.bin": DATA}),
    ("uu", "base64.uu", b"begin-base64 644 text.txt\n%s====\n" % base64.encodebytes(TEXT), {"text.txt": TEXT}),
    ("yenc", "data.yenc", pages.yenc(b"data.bin", DATA), {"data.bin": DATA}),
    ("binhex", "data.hqx", pages.binhex(b"data.bin", DATA, TEXT), {"data.bin": DATA, "data.bin.rsrc": TEXT}),
    ("pkcs7", "opaque.p7m", pages.signed(DATA, TEXT), {"content": DATA + TEXT}),
    ("activemime", "editdata.mso", pages.active_mime(TEXT), {"content": TEXT}),
]
TYPES = {"script": "text", "uu": "uuencode"}
"""The type of samples whose format is not called like it."""

MALFORMED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("pdf", "truncated.pdf", "embedded.pdf", slice(0, 1000), ["truncated"]),
    ("pdf", "no-objects.pdf", "embedded.pdf", slice(0, 15), ["malformed"]),
    ("http", "cut.http", "form.http", slice(0, 4000), ["truncated"]),
    ("http", "no-boundary.http", "form.http", (45, b"_"), ["malformed"]),
    ("http", "brotli.http", "deflate.http", (26, b" ,br,  "), ["unsupported"]),
    ("http", "fragment.http", "range.http", (29, b"9"), ["truncated"]),
    ("utf16", "half-a-character.txt", "little.txt", slice(0, 21), []),
    ("script", "cut.sh", "piped.sh", slice(0, 150), []),
    ("html", "cut.html", "page.html", slice(0, 900), []),
    ("uu", "cut.uu", "file.uu", slice(0, 500), []),
    ("yenc", "cut.yenc", "data.yenc", slice(0, 500), ["truncated"]),
    ("binhex", "cut.hqx", "data.hqx", slice(0, 2000), ["truncated"]),
    ("binhex", "no-colon.hqx", "data.hqx", slice(0, 40), ["malformed"]),
    ("pkcs7", "cut.p7m", "opaque.p7m", slice(0, 1000), ["truncated"]),
    ("pkcs7", "no-type.p7m", "opaque.p7m", (2, b"\x04"), ["malformed"]),
    ("pkcs7", "enveloped.p7m", "opaque.p7m", (12, b"\x03"), ["encrypted"]),
    ("activemime", "no-content.mso", "editdata.mso", slice(0, 50), ["malformed"]),
]
