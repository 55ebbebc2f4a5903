"""Sealing: authenticated encryption of streams; what is sealed cannot run, be read, or be changed unseen.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015) with ChaCha20-Poly1305, as the file format age
uses it: a key of its own for each stream, derived by HKDF-SHA-256 from the vault's key and a random salt, and nonces
that count the pieces and mark the last one. The purpose goes into the derivation, so that no stream can pass for
another. Layout: ``MAGIC``, the salt, then pieces, each behind its length.
"""

import os
import struct
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from freehold.model.errors import TrustError

MAGIC = b"FHQ1"
KEY = 32
LONGEST = (1 << 20) + 64
"""Bytes of one piece, with what its writer puts in front of it."""

_SALT = 32
_TAG = 16
_LENGTH = struct.Struct("<I")


def seal(pieces: Iterable[bytes], key: bytes, purpose: str, fd: int) -> None:
    """Write a sealed stream; pieces are at most ``LONGEST`` bytes. Raises ``OSError``."""
    salt = os.urandom(_SALT)
    cipher = _cipher(key, salt, purpose)
    _write(fd, MAGIC + salt)
    number = 0
    for piece in pieces:
        sealed = cipher.encrypt(_nonce(number, last=False), piece, None)
        _write(fd, _LENGTH.pack(len(sealed)) + sealed)
        number += 1
    end = cipher.encrypt(_nonce(number, last=True), b"", None)
    _write(fd, _LENGTH.pack(len(end)) + end)


def unseal(fd: int, key: bytes, purpose: str) -> Iterator[bytes]:
    """Yield the pieces of a sealed stream, each of them checked.

    Raises:
        TrustError: it was changed, cut, or sealed for something else; what was yielded before is genuine.
    """
    head = _read(fd, len(MAGIC) + _SALT)
    if head[: len(MAGIC)] != MAGIC:
        raise TrustError("this is no sealed file of a quarantine")
    cipher = _cipher(key, head[len(MAGIC) :], purpose)
    number = 0
    while True:
        (length,) = _LENGTH.unpack(_read(fd, _LENGTH.size))
        if not _TAG <= length <= LONGEST + _TAG:
            raise TrustError("a sealed file is damaged: a length is impossible")
        sealed = _read(fd, length)
        is_last = length == _TAG
        try:
            piece = cipher.decrypt(_nonce(number, last=is_last), sealed, None)
        except InvalidTag as error:
            raise TrustError("a sealed file is damaged, or the vault's key is another one") from error
        if is_last:
            return
        yield piece
        number += 1


def _cipher(key: bytes, salt: bytes, purpose: str) -> ChaCha20Poly1305:
    info = b"freehold quarantine " + purpose.encode()
    return ChaCha20Poly1305(HKDF(algorithm=SHA256(), length=KEY, salt=salt, info=info).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _read(fd: int, length: int) -> bytes:
    parts = []
    while length and (part := os.read(fd, length)):
        parts.append(part)
        length -= len(part)
    if length:
        raise TrustError("a sealed file ends too early")
    return b"".join(parts)
