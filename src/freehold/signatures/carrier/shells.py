"""What makes content be taken for a type: the first bytes of a file; and the archives that it can lie in."""

import base64
import gzip
import io
import zipfile

from freehold.model.filetype import Target
from freehold.signatures.carrier.errors import CannotCarry

NOT_TEXT = b"\x00\x00\x01\x00\x00\x01\x00\x00"
"""Content with these bytes near its start is taken for no text of any kind."""

_PICTURES = ("474946383961" + "01000100800000", "89504e47", "ffd8ffe0", "49492a00", "4d4d002a")

BEGINNINGS: dict[Target, tuple[bytes, ...]] = {
    Target.ANY: (NOT_TEXT,),
    Target.OLE2: (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(8),),
    Target.HTML: (b"<html><body>",),
    Target.MAIL: (b"Received: from q by q\r\nFrom: q@q.example\r\nTo: z@z.example\r\nSubject: q\r\n\r\n",),
    Target.GRAPHICS: tuple(bytes.fromhex(picture) for picture in _PICTURES),
    Target.TEXT: (b"",),
    Target.MACHO: (bytes.fromhex("cefaedfe070000000300000002000000" + "00" * 12),),
    Target.PDF: (b"%PDF-1.4\n",),
    Target.FLASH: (b"FWS\x08",),
    Target.JAVA: (bytes.fromhex("cafebabe00000034"),),
    Target.OTHER: (NOT_TEXT,),
}
"""What files of each target but PE and ELF may begin with."""

BINARY_FILLER = bytes(range(0x80, 0x90))
TEXT_FILLER = b"qvxzj"


def wrap(content: bytes, container: str | None) -> bytes:
    """Put content into a container of ClamAV's type; raises ``CannotCarry`` for one that is not built."""
    if container in {None, "CL_TYPE_ANY"}:
        return content
    if container == "CL_TYPE_ZIP":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writer:
            writer.writestr(zipfile.ZipInfo("q.bin"), content)
        return archive.getvalue()
    if container == "CL_TYPE_GZ":
        return gzip.compress(content, mtime=0)
    if container == "CL_TYPE_MAIL":
        return _mail(content)
    raise CannotCarry(f"no container of type {container} is built")


def _mail(content: bytes) -> bytes:
    lines = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return (
        b"Received: from q by q\r\nFrom: q@q.example\r\nTo: z@z.example\r\nSubject: q\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="qqqq"\r\n\r\n--qqqq\r\nContent-Type: application/octet-stream; '
        b'name="q.bin"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="q.bin"'
        b"\r\n\r\n" + lines + b"\r\n--qqqq--\r\n"
    )
