"""Builds disk images of macOS (UDIF, ``.dmg``): one partition in chunks, packed as told, and the trailer."""

import bz2
import lzma
import plistlib
import struct
import zlib

SECTOR = 512
_PER_CHUNK = 256
_PACK = {
    0x80000005: zlib.compress,
    0x80000006: bz2.compress,
    0x80000008: lzma.compress,
    1: bytes,
}
ZLIB, BZIP2, XZ, RAW = _PACK


def dmg(disk: bytes, kind: int = ZLIB) -> bytes:
    """Return an image of a disk of whole sectors; chunks of zeros are left out."""
    body = b""
    chunks = []
    for first in range(0, len(disk) // SECTOR, _PER_CHUNK):
        piece = disk[first * SECTOR : (first + _PER_CHUNK) * SECTOR]
        packed = _PACK[kind](piece) if any(piece) else b""
        chunks.append((kind if packed else 2, 0, first, len(piece) // SECTOR, len(body), len(packed)))
        body += packed
    count = len(disk) // SECTOR
    chunks.append((0xFFFFFFFF, 0, count, 0, len(body), 0))
    table = struct.pack(">4sIQQQII24x", b"mish", 1, 0, count, 0, _PER_CHUNK + 8, 0)
    own = zlib.crc32(disk)
    table += _checksum(own) + struct.pack(">I", len(chunks))
    table += b"".join(struct.pack(">IIQQQQ", *chunk) for chunk in chunks)
    entry = {"Attributes": "0x0050", "CFName": "disk", "Data": table, "ID": "0", "Name": "disk (Apple_FAT : 1)"}
    listing = plistlib.dumps({"resource-fork": {"blkx": [entry]}})
    trailer = struct.pack(">4sIII", b"koly", 4, 512, 1) + struct.pack(">QQQQQ", 0, 0, len(body), 0, 0)
    trailer += struct.pack(">II16x", 1, 1) + _checksum(zlib.crc32(body))
    trailer += struct.pack(">QQ", len(body), len(listing)) + bytes(120)
    trailer += _checksum(zlib.crc32(own.to_bytes(4, "big"))) + struct.pack(">IQ12x", 1, count)
    return body + listing + trailer


def _checksum(value: int) -> bytes:
    return struct.pack(">III124x", 2, 32, value)
