"""Builds documents and texts with hidden content for the tests; the encodings are Python's own."""

import base64
import binascii
import zlib


def pdf_object(number: int, text: bytes, stream: bytes | None = None, length: int | None = None) -> bytes:
    """Return one object, with a stream if there is one; ``length`` is what it says of itself."""
    if stream is None:
        return b"%d 0 obj\n%s\nendobj\n" % (number, text)
    length = len(stream) if length is None else length
    return b"%d 0 obj\n<< %s /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (number, text, length, stream)


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Return a document of these objects, which needs no cross-reference table to be found."""
    head = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
    return head + b"".join(objects) + b"trailer\n<< /Root 1 0 R " + trailer + b" >>\nstartxref\n0\n%%EOF\n"


def embedded(name: bytes, content: bytes, number: int = 10) -> bytes:
    """Return an embedded file with its description."""
    return pdf_object(number + 1, b"<< /Type /Filespec /F (%s) /EF << /F %d 0 R >> >>" % (name, number)) + pdf_object(
        number, b"/Type /EmbeddedFile /Filter /FlateDecode", zlib.compress(content)
    )


def object_stream(number: int, objects: dict[int, bytes]) -> bytes:
    """Return an object stream."""
    index, bodies = b"", b""
    for inner, text in objects.items():
        index += b"%d %d " % (inner, len(bodies))
        bodies += text + b" "
    content = zlib.compress(index + bodies)
    fields = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(objects), len(index))
    return pdf_object(number, fields, content)


def run_length(content: bytes) -> bytes:
    """Encode as literal runs."""
    pieces = [content[at : at + 128] for at in range(0, len(content), 128)]
    return b"".join(bytes((len(piece) - 1,)) + piece for piece in pieces) + b"\x80"


FILTERS = {
    b"FlateDecode": zlib.compress,
    b"ASCII85Decode": lambda content: base64.a85encode(content, wrapcol=70) + b"~>",
    b"ASCIIHexDecode": lambda content: binascii.hexlify(content) + b">",
    b"RunLengthDecode": run_length,
}


def filtered(content: bytes, *names: bytes) -> bytes:
    """Encode so that undoing the filters in this order yields the content."""
    for name in reversed(names):
        content = FILTERS[name](content)
    return content
