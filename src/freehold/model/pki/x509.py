"""Certificates (RFC 5280): what they say, and whether a key signed one."""

import hashlib
from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.model.pki import der, ecdsa
from freehold.model.pki.rsa import Key, pkcs1_valid

COMMON_NAME, ORGANISATION = der.oid("2.5.4.3"), der.oid("2.5.4.10")
RSA, _EC = der.oid("1.2.840.113549.1.1.1"), der.oid("1.2.840.10045.2.1")

DIGESTS = {
    der.oid("1.2.840.113549.2.5"): "md5",
    der.oid("1.3.14.3.2.26"): "sha1",
    der.oid("2.16.840.1.101.3.4.2.1"): "sha256",
    der.oid("2.16.840.1.101.3.4.2.2"): "sha384",
    der.oid("2.16.840.1.101.3.4.2.3"): "sha512",
}
"""Names for ``hashlib`` of the algorithms that messages are hashed with."""

SIGNATURES = {
    der.oid("1.2.840.113549.1.1.4"): "md5",
    der.oid("1.2.840.113549.1.1.5"): "sha1",
    der.oid("1.2.840.113549.1.1.11"): "sha256",
    der.oid("1.2.840.113549.1.1.12"): "sha384",
    der.oid("1.2.840.113549.1.1.13"): "sha512",
    der.oid("1.2.840.10045.4.1"): "sha1",
    der.oid("1.2.840.10045.4.3.2"): "sha256",
    der.oid("1.2.840.10045.4.3.3"): "sha384",
    der.oid("1.2.840.10045.4.3.4"): "sha512",
}
"""The hash inside each algorithm that signs: RSA with PKCS #1 v1.5, and ECDSA."""

_LARGEST_KEY = 8_192
_BMP_STRING, _UNIVERSAL_STRING, _LATIN = 0x1E, 0x1C, 0x14


class Certificate(NamedTuple):
    """What a certificate says; nothing of it is checked.

    Attributes:
        whole: all bytes of it.
        version: 1 to 3.
        signed: the part that its issuer signed.
        serial: the INTEGER.
        issuer: name of who signed it.
        valid: first and last second, since 1970.
        subject: name of whose it is.
        key: SubjectPublicKeyInfo.
        extensions: whether it is critical, and the content, by name.
        algorithm: that its issuer signed with.
        signature: that its issuer made.
    """

    whole: bytes
    version: int
    signed: bytes
    serial: der.Element
    issuer: der.Element
    valid: tuple[float, float]
    subject: der.Element
    key: der.Element
    extensions: dict[bytes, tuple[bool, bytes]]
    algorithm: bytes
    signature: bytes

    def signed_by(self, key: der.Element) -> bool:
        """Whether a key made the signature; raises ``MalformedInput`` for algorithms that are not known."""
        algorithm = SIGNATURES.get(self.algorithm)
        if algorithm is None:
            raise MalformedInput("a certificate is signed with an unknown algorithm")
        return verifies(key, algorithm, digest(algorithm, self.signed), self.signature)

    def names(self, kind: bytes) -> list[str]:
        """Return the parts of the subject's name that are of this kind."""
        return names(self.subject, kind)


def parse(element: der.Element) -> Certificate:
    """Read a certificate; raises ``MalformedInput``."""
    outer = element.expect(der.SEQUENCE).children()
    body = outer.take(der.SEQUENCE)
    algorithm = outer.take(der.SEQUENCE).children().take(der.OID).content
    signature = outer.take(der.BIT_STRING).bits()
    parts = body.children()
    version = parts.take_if(der.context(0))
    number = 1 if version is None else der.parse(version.content).integer() + 1
    serial = parts.take(der.INTEGER)
    if parts.take(der.SEQUENCE).children().take(der.OID).content != algorithm:
        raise MalformedInput("a certificate contradicts itself")
    issuer = parts.take(der.SEQUENCE)
    dates = list(parts.take(der.SEQUENCE).children())
    subject, key = parts.take(der.SEQUENCE), parts.take(der.SEQUENCE)
    if len(dates) != 2:
        raise MalformedInput("a certificate has no two dates")
    valid = dates[0].time(), dates[1].time()
    extensions = _extensions(parts)
    return Certificate(
        *(element.whole, number, body.whole, serial, issuer, valid, subject, key),
        *(extensions, algorithm, signature),
    )


def _extensions(parts: der.Children) -> dict[bytes, tuple[bool, bytes]]:
    found: dict[bytes, tuple[bool, bytes]] = {}
    parts.take_if(0x81)
    parts.take_if(0x82)
    bag = parts.take_if(der.context(3))
    for extension in der.parse(bag.content).expect(der.SEQUENCE).children() if bag else ():
        fields = extension.expect(der.SEQUENCE).children()
        name, critical = fields.take(der.OID).content, fields.take_if(der.BOOLEAN)
        if name in found:
            raise MalformedInput("a certificate has an extension twice")
        found[name] = critical is not None, fields.take(der.OCTET_STRING).content
    return found


def names(name: der.Element, kind: bytes) -> list[str]:
    """Return the parts of a distinguished name that are of this kind; raises ``MalformedInput``."""
    found = []
    for part in name.children():
        for pair in part.expect(der.SET).children():
            fields = list(pair.expect(der.SEQUENCE).children())
            if len(fields) == 2 and fields[0].content == kind:
                found.append(_text(fields[1]))
    return found


def _text(element: der.Element) -> str:
    encoding = {_BMP_STRING: "utf-16-be", _UNIVERSAL_STRING: "utf-32-be", _LATIN: "latin-1"}.get(element.tag, "utf-8")
    return element.content.decode(encoding, "backslashreplace" if encoding == "utf-8" else "replace")


def rsa_key(key: der.Element) -> Key | None:
    """Return the RSA key of a SubjectPublicKeyInfo, None when it is of another kind; raises ``MalformedInput``."""
    parts = key.children()
    if parts.take(der.SEQUENCE).children().take(der.OID).content != RSA:
        return None
    numbers = der.parse(parts.take(der.BIT_STRING).bits()).expect(der.SEQUENCE).children()
    found = Key(numbers.take(der.INTEGER).integer(), numbers.take(der.INTEGER).integer())
    if not 0 < found.modulus.bit_length() <= _LARGEST_KEY or found.modulus < 0 or not found.modulus & 1:
        raise MalformedInput("a certificate has a key that is too large or senseless")
    if not 3 <= found.exponent < 1 << 33 or not found.exponent & 1:
        raise MalformedInput("a certificate has a key with a senseless exponent")
    return found


def verifies(key: der.Element, algorithm: str, hashed: bytes, signature: bytes) -> bool:
    """Whether a key made the signature of a digest; raises ``MalformedInput`` for keys that are not supported."""
    rsa = rsa_key(key)
    if rsa is not None:
        return pkcs1_valid(algorithm, hashed, signature, rsa)
    parts = key.children()
    kind = parts.take(der.SEQUENCE).children()
    if kind.take(der.OID).content != _EC:
        raise MalformedInput("a certificate has a key of an unsupported kind")
    numbers = der.parse(signature).expect(der.SEQUENCE).children()
    pair = numbers.take(der.INTEGER).integer(), numbers.take(der.INTEGER).integer()
    return ecdsa.valid(kind.take(der.OID).content, parts.take(der.BIT_STRING).bits(), hashed, pair)


def digest(algorithm: str, data: bytes) -> bytes:
    """Hash what was signed, with what its signer chose."""
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()
