"""Encrypted Office packages (the document, a ZIP, encrypted inside a compound file), opened with well-known passwords.

Excel and PowerPoint open such files without asking when they are encrypted with the password that the applications
themselves use for "read-only", so that is how attackers pack theirs.

Source: [MS-OFFCRYPTO] 2.3.4.
"""

import binascii
import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from freehold.formats.aes import decrypt_blocks, decrypt_cbc
from freehold.formats.cfb import Stream
from freehold.model.interfaces import Unpacking

PASSWORDS = ("VelvetSweatshop", "/01Hannes Ruescher/01")
_INFO_BYTES = 1 << 16
_STANDARD_SPINS = 50_000
_MOST_SPINS = 500_000
_AES = {0x660E: 16, 0x660F: 24, 0x6610: 32}
_SPINS = re.compile(rb"""spinCount\s*=\s*["'](\d{1,9})""")
_SEGMENT = 4096
_PIECE = 1 << 18
_AGILE = (4, 4)
_INPUT_KEY, _VALUE_KEY = bytes.fromhex("fea7d2763b4b9e79"), bytes.fromhex("d7aa0f6d3061344e")
_PACKAGE_KEY = bytes.fromhex("146e0be7abacd0d6")
_HASHES = frozenset({"SHA1", "SHA256", "SHA384", "SHA512", "MD5"})

Decrypt = Callable[[bytes, int], bytes]
"""Takes encrypted bytes and their offset in the package, a multiple of ``_SEGMENT``."""


def open_package(info: Stream, package: Stream, passwords: Iterable[str], unpacking: Unpacking) -> "Package | None":
    """Return the decrypted package; None when no password fits, or the method is none that Freehold knows."""
    data = info.read(0, _INFO_BYTES)
    if len(data) < 8:
        return None
    agile = struct.unpack_from("<HH", data) == _AGILE
    for password in passwords:
        unpacking.budget.tick()
        try:
            decrypt = (_agile if agile else _standard)(data[8:], password.encode("utf-16-le"))
        except (ValueError, KeyError, struct.error):
            return None
        if decrypt is not None:
            return Package(package, decrypt)
    return None


def spins(info: Stream) -> int:
    """Return how many rounds of hashing the try of one password takes."""
    found = _SPINS.search(info.read(0, _INFO_BYTES))
    return min(int(found[1]), _MOST_SPINS) if found else _STANDARD_SPINS


class Package:
    """A package whose password is known."""

    def __init__(self, stream: Stream, decrypt: Decrypt) -> None:
        self._stream = stream
        self._decrypt = decrypt

    def chunks(self) -> Iterator[bytes]:
        """Yield the document, cut to its stated size unless that is a lie."""
        left = self._stream.size - 8
        stated = int.from_bytes(self._stream.read(0, 8), "little")
        if left - stated < _SEGMENT:
            left = min(left, stated)
        for offset in range(0, left, _PIECE):
            piece = self._decrypt(self._stream.read(8 + offset, _PIECE), offset)[: left - offset]
            if piece:
                yield piece


def _standard(data: bytes, password: bytes) -> Decrypt | None:
    (header_size,) = struct.unpack_from("<I", data)
    algorithm, _, bits = struct.unpack_from("<III", data, 12)
    length = _AES[algorithm] if algorithm else bits // 8
    salt_size, salt, verifier, _, value = struct.unpack_from("<I16s16sI32s", data, 4 + header_size)
    if salt_size != 16:
        return None
    digest = _spin("sha1", salt, password, _STANDARD_SPINS)
    digest = hashlib.sha1(digest + bytes(4), usedforsecurity=False).digest()
    key = (_padded(digest, 0x36) + _padded(digest, 0x5C))[:length]
    wanted = hashlib.sha1(decrypt_blocks(verifier, key), usedforsecurity=False).digest()
    if decrypt_blocks(value, key)[:20] != wanted:
        return None
    return lambda piece, _offset: decrypt_blocks(piece, key)


def _padded(digest: bytes, filler: int) -> bytes:
    mixed = bytes(filler ^ byte for byte in digest.ljust(64, b"\0"))
    return hashlib.sha1(mixed, usedforsecurity=False).digest()


def _spin(name: str, salt: bytes, password: bytes, count: int) -> bytes:
    new = getattr(hashlib, name)
    digest: bytes = new(salt + password, usedforsecurity=False).digest()
    pack = struct.Struct("<I").pack
    for number in range(count):
        digest = new(pack(number) + digest, usedforsecurity=False).digest()
    return digest


class _Descriptor(NamedTuple):
    """The attributes of an element of the agile descriptor."""

    attributes: dict[str, str]

    def number(self, name: str) -> int:
        return int(self.attributes[name])

    def data(self, name: str) -> bytes:
        return binascii.a2b_base64(self.attributes[name])

    def hash_name(self) -> str:
        name = self.attributes["hashAlgorithm"].replace("-", "")
        if name not in _HASHES or self.attributes["cipherAlgorithm"] != "AES":
            raise ValueError(name)
        return name.lower()


def _element(text: str, name: str) -> _Descriptor:
    found = re.search(rf"<(?:\w+:)?{name}\b([^>]*)>", text)
    if found is None:
        raise ValueError(name)
    return _Descriptor(dict(re.findall(r"""(\w+)\s*=\s*["']([^"']*)["']""", found[1])))


def _agile(data: bytes, password: bytes) -> Decrypt | None:
    text = data.decode("latin-1")
    outer, inner = _element(text, "keyData"), _element(text, "encryptedKey")
    name, salt, spins = inner.hash_name(), inner.data("saltValue"), inner.number("spinCount")
    size = inner.number("keyBits") // 8
    if not 0 <= spins <= _MOST_SPINS or size not in _AES.values() or outer.number("keyBits") // 8 not in _AES.values():
        raise ValueError(text)
    digest = _spin(name, salt, password, spins)

    def open_value(attribute: str, block_key: bytes) -> bytes:
        key = _hash(name, digest + block_key)[:size].ljust(size, b"\x36")
        return decrypt_cbc(inner.data(attribute), key, salt[:16].ljust(16, b"\x36"))

    wanted = _hash(name, open_value("encryptedVerifierHashInput", _INPUT_KEY)[: inner.number("saltSize")])
    if open_value("encryptedVerifierHashValue", _VALUE_KEY)[: len(wanted)] != wanted:
        return None
    key = open_value("encryptedKeyValue", _PACKAGE_KEY)[: outer.number("keyBits") // 8]
    package_salt, package_hash = outer.data("saltValue"), outer.hash_name()

    def decrypt(piece: bytes, offset: int) -> bytes:
        out = []
        for at in range(0, len(piece), _SEGMENT):
            start = _hash(package_hash, package_salt + struct.pack("<I", (offset + at) // _SEGMENT))[:16]
            out.append(decrypt_cbc(piece[at : at + _SEGMENT], key, start.ljust(16, b"\x36")))
        return b"".join(out)

    return decrypt


def _hash(name: str, data: bytes) -> bytes:
    digest: bytes = getattr(hashlib, name)(data, usedforsecurity=False).digest()
    return digest
