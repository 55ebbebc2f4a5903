"""Encrypted Excel workbooks up to 2003, opened with the password that Excel itself uses for "read-only".

Source: [MS-XLS] 2.2.10, [MS-OFFCRYPTO] 2.3.5 and 2.3.6.
"""

import hashlib
import struct
from collections.abc import Callable

from freehold.formats.cfb import Stream
from freehold.formats.pdfcrypt import rc4
from freehold.model.interfaces import Unpacking

_FILE_PASS, _BOUND_SHEET = 0x2F, 0x85
_PLAIN = frozenset({0x809, _FILE_PASS, 0x194, 0x195, 0xE1, 0x196, 0x138})
_BLOCK = 1024
_HEAD = 4096
_MOST_BYTES = 32 << 20
_BINARY_RC4 = (1, 1)
_CRYPTO_API_MINOR = 2

BlockKey = Callable[[int], bytes]
"""The key of a block of 1024 bytes, by its number."""


def file_pass(stream: Stream) -> bytes | None:
    """Return what a workbook says of its encryption, None if it is not encrypted."""
    head = stream.read(0, _HEAD)
    position = 0
    while position + 6 <= len(head):
        kind, length = struct.unpack_from("<HH", head, position)
        if kind == _FILE_PASS:
            return head[position + 4 : position + 4 + length]
        position += 4 + length
    return None


def decrypt(stream: Stream, password: str, unpacking: Unpacking) -> bytes | None:
    """Return the decrypted workbook, its first 32 MiB; None when the password or the method is another one."""
    info = file_pass(stream)
    if info is None or len(info) < 6 or info[:2] == b"\0\0":
        return None
    version = struct.unpack_from("<HH", info, 2)
    try:
        if version == _BINARY_RC4:
            key = _binary(info[6:], password.encode("utf-16-le"))
        elif version[1] == _CRYPTO_API_MINOR:
            key = _crypto_api(info[6:], password.encode("utf-16-le"))
        else:
            return None
    except struct.error:
        return None
    return key and _decrypted(stream.read(0, _MOST_BYTES), key, unpacking)


def _binary(info: bytes, password: bytes) -> BlockKey | None:
    salt, verifier, digest = struct.unpack_from("<16s16s16s", info)
    short = _md5((_md5(password)[:5] + salt) * 16)[:5]

    def key(block: int) -> bytes:
        return _md5(short + struct.pack("<I", block))

    plain = rc4(verifier + digest, key(0))
    return key if _md5(plain[:16]) == plain[16:] else None


def _crypto_api(info: bytes, password: bytes) -> BlockKey | None:
    _, header_size = struct.unpack_from("<II", info)
    (bits,) = struct.unpack_from("<I", info, 8 + 16)
    _, salt, verifier, _, digest = struct.unpack_from("<I16s16sI20s", info, 8 + header_size)
    first = _sha1(salt + password)
    length = (bits or 40) // 8

    def key(block: int) -> bytes:
        short = _sha1(first + struct.pack("<I", block))[:length]
        return short.ljust(16, b"\0") if length == 5 else short

    if not 5 <= length <= 16:
        return None
    plain = rc4(verifier + digest, key(0))
    return key if _sha1(plain[:16]) == plain[16:] else None


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _decrypted(data: bytes, key: BlockKey, unpacking: Unpacking) -> bytes:
    """Decrypt the content of records: their headers, and the content of a few kinds, stand there as they are."""
    out = bytearray()
    for number, start in enumerate(range(0, len(data), _BLOCK)):
        out += rc4(data[start : start + _BLOCK], key(number))
        unpacking.budget.tick()
    position = 0
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, position)
        plain = 4 + (length if kind in _PLAIN else 4 if kind == _BOUND_SHEET else 0)
        out[position : position + plain] = data[position : position + plain]
        if kind == _FILE_PASS:  # what comes out is not encrypted
            out[position : position + 2] = bytes(2)
            out[position + 4 : position + plain] = bytes(plain - 4)
        position += 4 + length
    return bytes(out[: len(data)])
