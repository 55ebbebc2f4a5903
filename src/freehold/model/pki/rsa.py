"""RSA signatures, verified with plain modular exponentiation.

A signature is accepted only when what comes out is exactly the one block that a signer must have encoded. Nothing here
is secret, so nothing needs constant time.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

_ALPHABET = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
_DIGITS = {code: value for value, code in enumerate(_ALPHABET)}

_SALT_BYTES = 32
_PSS_TRAILER = 0xBC

_DIGEST_INFO: Mapping[str, bytes] = {
    "md5": bytes.fromhex("3020300c06082a864886f70d020505000410"),
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before the digest in a PKCS #1 v1.5 block (RFC 8017, section 9.2, note 1)."""


class Key(NamedTuple):
    """An RSA public key."""

    modulus: int
    exponent: int

    @property
    def bytes(self) -> int:
        """Length of the modulus."""
        return (self.modulus.bit_length() + 7) // 8


def legacy_valid(digest: bytes, code: bytes, key: Key) -> bool:
    """Whether ``code`` is the textbook RSA signature of a digest: the number itself, without any padding."""
    number = _decoded(code, key)
    return number is not None and pow(number, key.exponent, key.modulus) == int.from_bytes(digest, "big")


def pss_valid(digest: bytes, code: bytes, key: Key) -> bool:
    """Whether ``code`` is the RSASSA-PSS signature (RFC 8017) of a SHA-256 digest, MGF1 with SHA-256, salt 32 bytes."""
    number = _decoded(code, key)
    if number is None:
        return False
    block = pow(number, key.exponent, key.modulus).to_bytes(key.bytes, "big")
    hashed_at = key.bytes - len(digest) - 1
    hashed = block[hashed_at:-1]
    data = int.from_bytes(block[:hashed_at], "big") ^ int.from_bytes(_mask(hashed, hashed_at), "big")
    # A modulus of 8 n bits leaves 8 n - 1 for the block: its first bit says nothing.
    plain = (data & ((1 << (hashed_at * 8 - 1)) - 1)).to_bytes(hashed_at, "big")
    padding = plain[:-_SALT_BYTES]
    return (
        block[-1] == _PSS_TRAILER
        and padding == bytes(len(padding) - 1) + b"\x01"
        and hashlib.sha256(bytes(8) + digest + plain[-_SALT_BYTES:]).digest() == hashed
    )


def pkcs1_valid(algorithm: str, digest: bytes, signature: bytes, key: Key) -> bool:
    """Whether ``signature`` is the RSASSA-PKCS1-v1_5 signature (RFC 8017) of a digest made with ``algorithm``."""
    number = int.from_bytes(signature, "big")
    encoded = _DIGEST_INFO[algorithm] + digest
    filling = key.bytes - len(encoded) - 3
    if len(signature) != key.bytes or number >= key.modulus or filling < 8:
        return False
    expected = b"\x00\x01" + b"\xff" * filling + b"\x00" + encoded
    return pow(number, key.exponent, key.modulus).to_bytes(key.bytes, "big") == expected


def _decoded(code: bytes, key: Key) -> int | None:
    """Return the number that stands in ``code``, six bits a character, the lowest first; None when it is none."""
    if not code or len(code) * 6 > key.modulus.bit_length() + 12:
        return None
    number = 0
    for character in reversed(code):
        value = _DIGITS.get(character)
        if value is None:
            return None
        number = number << 6 | value
    return number if number < key.modulus else None


def _mask(seed: bytes, length: int) -> bytes:
    """Return MGF1 with SHA-256 (RFC 8017, appendix B.2.1)."""
    blocks = (hashlib.sha256(seed + counter.to_bytes(4, "big")).digest() for counter in range(length // 32 + 1))
    return b"".join(blocks)[:length]
