"""The standard security handler of PDF, opened with the user's password: RC4 and AES, revisions 2 to 6.

Source: ISO 32000-1, section 7.6; ISO 32000-2, section 7.6.4 (revisions 5 and 6).
"""

import hashlib
import re
from typing import NamedTuple

from freehold.formats import aes

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|[\s\S])")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
_LITERAL = re.compile(rb"(?>(?:[^()\\]|\\[\s\S])*)")
_STRING_BYTES = 4 << 20
_RC4_PIECE = 1 << 16


class Crypt(NamedTuple):
    """How the content of a document is encrypted.

    Attributes:
        key: of the file.
        aes: whether with AES, otherwise RC4.
        whole_key: whether the file's key serves as it is for every object (256-bit AES).
        plain: whether strings and streams are not encrypted by default.
        metadata: whether metadata streams are encrypted, too.
    """

    key: bytes
    aes: bool
    whole_key: bool
    plain: bool
    metadata: bool

    def decrypt(self, data: bytes, number: int, generation: int) -> bytes:
        """Decrypt a string or the content of a stream of one object."""
        if self.plain:
            return data
        key = self.key if self.whole_key else self._object_key(number, generation)
        if not self.aes:
            return rc4(data, key)
        out = aes.decrypt_cbc(data[16:], key, data[:16])
        padding = out[-1] if out else 0
        return out[:-padding] if 1 <= padding <= 16 else out

    def _object_key(self, number: int, generation: int) -> bytes:
        salted = self.key + (number & 0xFFFFFF).to_bytes(3, "little") + (generation & 0xFFFF).to_bytes(2, "little")
        digest = _md5(salted + (b"sAlT" if self.aes else b""))
        return digest[: min(len(self.key) + 5, 16)]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def rc4(data: bytes, key: bytes) -> bytes:
    """Encrypt or decrypt with RC4."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = j + state[i] + key[i % len(key)] & 0xFF
        state[i], state[j] = state[j], state[i]
    stream = bytearray()
    i = j = 0
    for _ in range(len(data)):
        i = i + 1 & 0xFF
        a = state[i]
        j = j + a & 0xFF
        b = state[j]
        state[i] = b
        state[j] = a
        stream.append(state[a + b & 0xFF])
    return (int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")).to_bytes(len(data), "little")


def string_at(text: bytes, position: int) -> bytes | None:
    """Return the string, literal or hexadecimal, that begins at ``position``; None when none does."""
    if text[position : position + 1] == b"<" and text[position + 1 : position + 2] != b"<":
        digits = bytes(c for c in text[position + 1 : position + _STRING_BYTES].split(b">", 1)[0] if c in _HEX)
        return bytes.fromhex((digits + b"0" * (len(digits) & 1)).decode("ascii"))
    if text[position : position + 1] != b"(":
        return None
    start, depth, position = position + 1, 1, position + 1
    while depth and position < min(len(text), start + _STRING_BYTES):
        found = _LITERAL.match(text, position)
        position = found.end() if found else position
        depth += {b"(": 1, b")": -1}.get(text[position : position + 1], 0)
        position += 1
    return _ESCAPE.sub(_unescape, text[start : position - 1 if not depth else position])


_HEX = frozenset(b"0123456789abcdefABCDEF")


def _unescape(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if escape[:1].isdigit() and escape[:1] < b"8":
        return bytes((int(escape, 8) & 0xFF,))
    return _ESCAPES.get(escape, escape)


def _string(text: bytes, key: bytes) -> bytes:
    for found in re.finditer(rb"/%s[\s\0]*(?=[(<])" % key, text):
        value = string_at(text, found.end())
        if value is not None:
            return value
    return b""


def _integer(text: bytes, key: bytes, default: int) -> int:
    found = re.search(rb"/%s[\s\0]*(-?\d{1,10})" % key, text)
    return int(found[1]) if found else default


def rounds(text: bytes) -> int:
    """Return what one try counts, in rounds of hashing: revision 6 encrypts over and over, which takes long."""
    return 500_000 if _integer(text, b"R", 2) >= 6 else 1_000


def open_with(password: bytes, text: bytes, identifier: bytes) -> Crypt | None:
    """Return how to decrypt a document, None when that needs another password or a handler that nobody here knows.

    Args:
        password: the user's, in UTF-8.
        text: of the encryption dictionary.
        identifier: the first string of the trailer's ID.
    """
    version, revision = _integer(text, b"V", 0), _integer(text, b"R", 2)
    owner, user = _string(text, b"O"), _string(text, b"U")
    if not re.search(rb"/Filter[\s\0]*/Standard", text) or version not in (1, 2, 4, 5) or len(user) < 32:
        return None
    metadata = not re.search(rb"/EncryptMetadata[\s\0]+false", text)
    with_aes = b"/AESV" in text
    plain = version >= 4 and re.search(rb"/StmF[\s\0]*/(?!Identity)", text) is None
    if version == 5:
        key = _modern_key(password[:127], text, user, revision)
        return None if key is None else Crypt(key, True, True, plain, metadata)
    length = 5 if version == 1 else 16 if version == 4 else min(max(_integer(text, b"Length", 40) // 8, 5), 16)
    permissions = (_integer(text, b"P", 0) & 0xFFFFFFFF).to_bytes(4, "little")
    unencrypted = b"\xff\xff\xff\xff" if revision >= 4 and not metadata else b""
    key = _md5((password + _PADDING)[:32] + owner[:32] + permissions + identifier + unencrypted)
    for _ in range(50 if revision >= 3 else 0):
        key = _md5(key[:length])
    key = key[:length]
    if _user_check(key, identifier, revision) != user[: 16 if revision >= 3 else 32]:
        return None
    return Crypt(key, with_aes, False, plain, metadata)


def _user_check(key: bytes, identifier: bytes, revision: int) -> bytes:
    """Return what the U entry must begin with if the key is right."""
    if revision < 3:
        return rc4(_PADDING, key)
    check = _md5(_PADDING + identifier)
    for number in range(20):
        check = rc4(check, bytes(byte ^ number for byte in key))
    return check


def _modern_key(password: bytes, text: bytes, user: bytes, revision: int) -> bytes | None:
    encrypted = _string(text, b"UE")[:32]
    if len(user) < 48 or len(encrypted) < 32:
        return None
    digest = _hardened if revision >= 6 else _plain_digest
    if (password or revision < 6) and digest(password, user[32:40]) != user[:32]:
        return None
    key = aes.decrypt_cbc(encrypted, digest(password, user[40:48]), bytes(16))
    permissions = aes.decrypt_blocks(_string(text, b"Perms")[:16], key)
    if permissions and permissions[9:12] != b"adb" and digest(password, user[32:40]) != user[:32]:
        return None
    return key


def _plain_digest(password: bytes, salt: bytes) -> bytes:
    return hashlib.sha256(password + salt).digest()


def _hardened(password: bytes, salt: bytes) -> bytes:
    """ISO 32000-2, algorithm 2.B, for the user's password."""
    key = hashlib.sha256(password + salt).digest()
    number = last = 0
    while number < 64 or last > number - 32:
        encrypted = aes.encrypt_cbc((password + key) * 64, key[:16], key[16:32])
        remainder = int.from_bytes(encrypted[:16], "big") % 3
        key = (hashlib.sha256, hashlib.sha384, hashlib.sha512)[remainder](encrypted).digest()
        last = encrypted[-1]
        number += 1
    return key[:32]
