"""Makes EGG archives, after ESTsoft's specification."""

import bz2
import lzma
import struct
import zlib

STORE, DEFLATE, BZIP2, AZO, LZMA = range(5)
_END = struct.pack("<I", 0x08E28222)


def _packed(method: int, data: bytes) -> bytes:
    if method == DEFLATE:
        packer = zlib.compressobj(9, wbits=-15)
        return packer.compress(data) + packer.flush()
    if method == BZIP2:
        return bz2.compress(data)
    if method == LZMA:
        whole = lzma.compress(data, lzma.FORMAT_ALONE)
        return b"\x09\x14\x05\0" + whole[:5] + whole[13:]
    return data


def egg(files: dict[str, tuple[int, list[bytes]]], *, extra: bytes = b"", encrypted: bool = False) -> bytes:
    """Return an archive: for each file the method, and the blocks that make it up."""
    out = struct.pack("<4sHII", b"EGGA", 0x100, 1, 0) + extra + _END
    for number, (name, (method, blocks)) in enumerate(files.items()):
        out += struct.pack("<IIQ", 0x0A8590E3, number, sum(map(len, blocks)))
        out += struct.pack("<IBH", 0x0A8591AC, 0, len(name.encode())) + name.encode()
        if encrypted:
            out += struct.pack("<IBH", 0x08D1470F, 0, 17) + bytes(17)
        out += struct.pack("<IBHQB", 0x2C86950B, 0, 9, 0, 0) + _END
        for data in blocks:
            body = _packed(method, data)
            out += struct.pack("<IBBIII", 0x02B50C13, method, 0, len(data), len(body), zlib.crc32(data)) + _END + body
    return out + _END
