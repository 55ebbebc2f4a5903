"""Handing on content so that nothing happens by mistake: a ZIP file with the password that analysts use.

The encryption is WinZip's AES-256 (AE-2, https://www.winzip.com/en/support/aes-encryption/), which 7-Zip and most
analysis tools open. The content is stored as it is, not compressed.
"""

import hashlib
import hmac
import os
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

PASSWORD = b"infected"

LARGEST = (1 << 32) - (1 << 16)
"""Bytes that a ZIP file without extensions can hold, with some room for what it adds."""

_SALT, _KEY, _CHECK, _TAG, _ROUNDS, _BLOCK = 16, 32, 2, 10, 1000, 16
_VERSION, _FLAGS, _METHOD = 51, 0x801, 99  # encrypted, names in UTF-8
_EXTRA = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 0)  # AE-2, 256 bits, stored
_DATE = 0x21  # 1980-01-01: the true times stand in the record
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")


def write_zip(pieces: Iterable[bytes], size: int, name: str, file: BinaryIO) -> None:
    """Write a ZIP file with one encrypted member.

    Args:
        pieces: the content.
        size: of the content in bytes, at most ``LARGEST``.
        name: of the member; a label, never a path.
        file: at its beginning; need not be seekable.
    """
    label = name.replace("/", "_").encode("utf-8", "replace")[:255]
    packed = _SALT + _CHECK + size + _TAG
    common = (_VERSION, _FLAGS, _METHOD, 0, _DATE, 0, packed, size, len(label), len(_EXTRA))
    local = _LOCAL.pack(b"PK\3\4", *common) + label + _EXTRA
    file.write(local)
    file.writelines(_encrypted(pieces))
    central = _CENTRAL.pack(b"PK\1\2", _VERSION, *common, 0, 0, 0, 0, 0) + label + _EXTRA
    file.write(central)
    file.write(_END.pack(b"PK\5\6", 0, 0, 1, 1, len(central), len(local) + packed, 0))


def _encrypted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield salt, password check, encrypted content and authentication code."""
    salt = os.urandom(_SALT)
    derived = hashlib.pbkdf2_hmac("sha1", PASSWORD, salt, _ROUNDS, 2 * _KEY + _CHECK)
    yield salt + derived[2 * _KEY :]
    code = hmac.new(derived[_KEY : 2 * _KEY], digestmod="sha1")
    # Counter mode with a counter in little-endian order, which no library offers: the blocks are made here.
    encryptor = Cipher(AES(derived[:_KEY]), ECB()).encryptor()  # noqa: S305 - of counters only, each used once
    counter = 1
    for piece in _whole_blocks(pieces):
        blocks = -(-len(piece) // _BLOCK)
        numbers = b"".join(number.to_bytes(_BLOCK, "little") for number in range(counter, counter + blocks))
        counter += blocks
        stream = encryptor.update(numbers)[: len(piece)]
        mixed = int.from_bytes(piece, "little") ^ int.from_bytes(stream, "little")
        sealed = mixed.to_bytes(len(piece), "little")
        code.update(sealed)
        yield sealed
    yield code.digest()[:_TAG]


def _whole_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces that are whole blocks, but for the last one."""
    rest = b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % _BLOCK
        if whole:
            yield rest[:whole]
        rest = rest[whole:]
    if rest:
        yield rest
