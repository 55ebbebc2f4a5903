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


def der(tag: int, *contents: bytes) -> bytes:
    """Return an element with a definite length."""
    content = b"".join(contents)
    length = len(content)
    if length < 128:
        return bytes((tag, length)) + content
    width = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + length.to_bytes(width, "big") + content


def indefinite(tag: int, *contents: bytes) -> bytes:
    """Return an element that an end mark ends."""
    return bytes((tag, 0x80)) + b"".join(contents) + b"\0\0"


PKCS7 = bytes.fromhex("06092a864886f70d0107")


def signed(*octets: bytes) -> bytes:
    """Return an opaque-signed message without signers, in BER: the content is cut into these pieces."""
    content = indefinite(0x24, *(der(4, piece) for piece in octets))
    wrapped = indefinite(0x30, PKCS7 + b"\x01", indefinite(0xA0, content))
    body = indefinite(0x30, b"\x02\x01\x01\x31\x00", wrapped, b"\x31\x00")
    return indefinite(0x30, PKCS7 + b"\x02", indefinite(0xA0, body))


def active_mime(content: bytes) -> bytes:
    """Return the container of macros that Office writes into XML: a header of 50 bytes, then zlib."""
    head = b"ActiveMime".ljust(30, b"\0") + (4).to_bytes(2, "little")
    return head.ljust(50, b"\0") + zlib.compress(content)


def yenc(name: bytes, content: bytes) -> bytes:
    """Encode one file as lines of up to 128 characters, as the draft says."""
    out, line = [b"=ybegin line=128 size=%d name=%s\r\n" % (len(content), name)], bytearray()
    for byte in content:
        shifted = byte + 42 & 0xFF
        line += bytes((61, shifted + 64 & 0xFF)) if shifted in b"\0\r\n=" else bytes((shifted,))
        if len(line) >= 128:
            out.append(bytes(line) + b"\r\n")
            line.clear()
    return b"".join(out) + bytes(line) + b"\r\n=yend size=%d\r\n" % len(content)


_HQX = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"


def binhex(name: bytes, content: bytes, resources: bytes = b"") -> bytes:
    """Encode as BinHex 4.0, without checksums; RFC 1741."""
    head = bytes((len(name),)) + name + b"\0TEXTtest\0\0" + len(content).to_bytes(4, "big")
    plain = head + len(resources).to_bytes(4, "big") + b"\0\0" + content + b"\0\0" + resources + b"\0\0"
    plain = plain.replace(b"\x90", b"\x90\0")
    bits = int.from_bytes(plain, "big") << (-len(plain) * 8 % 6)
    count = (len(plain) * 8 + 5) // 6
    text = bytes(_HQX[bits >> 6 * (count - 1 - at) & 63] for at in range(count))
    lines = b"\n".join((b":" + text + b":")[at : at + 64] for at in range(0, count + 2, 64))
    return b"(This file must be converted with BinHex 4.0)\n" + lines + b"\n"
