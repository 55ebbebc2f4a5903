"""Signed messages (CMS, RFC 5652, which was PKCS #7): what they wrap, who signed it, and with what."""

from typing import NamedTuple

from freehold.model.errors import MalformedInput, TrustError
from freehold.model.pki import der, x509

CONTENT_TYPE, MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.3"), der.oid("1.2.840.113549.1.9.4")
SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")


class SignedData(NamedTuple):
    """A message, taken apart.

    Attributes:
        kind: name of what it wraps.
        content: that itself, None when it stands elsewhere.
        certificates: what came with it, and may be no certificate at all.
        signers: SignerInfo.
    """

    kind: bytes
    content: der.Element | None
    certificates: tuple[der.Element, ...]
    signers: tuple[der.Element, ...]


class Signer(NamedTuple):
    """What a signature says of itself.

    Attributes:
        issuer: of the signer's certificate: all bytes of the name.
        serial: of the signer's certificate.
        hashed_with: algorithm of the digest, for ``hashlib``.
        attributes: what was signed in place of the content, None when the content was.
        algorithm: that it was signed with: of a key, or of a key and a digest.
        signature: the bytes.
        unsigned: further attributes, like time stamps.
    """

    issuer: bytes
    serial: int
    hashed_with: str
    attributes: der.Element | None
    algorithm: bytes
    signature: bytes
    unsigned: der.Element | None


def parse(outermost: der.Element) -> SignedData:
    """Take a ContentInfo apart; raises ``MalformedInput``."""
    outer = outermost.expect(der.SEQUENCE).children()
    if outer.take(der.OID).content != SIGNED_DATA:
        raise MalformedInput("the structure is not a signed message")
    parts = der.parse(outer.take(der.context(0)).content).expect(der.SEQUENCE).children()
    parts.take(der.INTEGER)
    parts.take(der.SET)
    encapsulated = parts.take(der.SEQUENCE).children()
    kind, wrapped = encapsulated.take(der.OID).content, encapsulated.take_if(der.context(0))
    bag = parts.take_if(der.context(0))
    parts.take_if(der.context(1))
    signers = tuple(parts.take(der.SET).children())
    certificates = () if bag is None else tuple(bag.children())
    return SignedData(kind, None if wrapped is None else der.parse(wrapped.content), certificates, signers)


def signer(info: der.Element) -> Signer:
    """Read a SignerInfo; raises ``MalformedInput``."""
    parts = info.expect(der.SEQUENCE).children()
    parts.take(der.INTEGER)
    identity = parts.take(der.SEQUENCE).children()
    issuer, serial = identity.take(der.SEQUENCE).whole, identity.take(der.INTEGER).integer()
    hashed_with = x509.DIGESTS.get(parts.take(der.SEQUENCE).children().take(der.OID).content)
    if hashed_with is None:
        raise MalformedInput("a signature is made with an unknown digest")
    attributes = parts.take_if(der.context(0))
    algorithm = parts.take(der.SEQUENCE).children().take(der.OID).content
    signature = parts.take(der.OCTET_STRING).content
    return Signer(issuer, serial, hashed_with, attributes, algorithm, signature, parts.take_if(der.context(1)))


def attributes(element: der.Element | None) -> dict[bytes, list[der.Element]]:
    """Return the values of attributes by name; raises ``MalformedInput`` when one is there twice."""
    found: dict[bytes, list[der.Element]] = {}
    for attribute in element.children() if element is not None else ():
        parts = attribute.expect(der.SEQUENCE).children()
        name = parts.take(der.OID).content
        if name in found:
            raise MalformedInput("an attribute is there twice")
        found[name] = list(parts.take(der.SET).children())
    return found


def signed_digest(signature: Signer, kind: bytes, content: bytes) -> bytes:
    """Return the digest of what was really signed.

    Args:
        signature: that is to be checked.
        kind: name of what was signed.
        content: digest of what was signed.

    Raises:
        TrustError: the signature is one of other content.
        MalformedInput: the attributes are damaged.
    """
    if signature.attributes is None:
        return content
    found = attributes(signature.attributes)
    values = [[value.content for value in found.get(name, ())] for name in (CONTENT_TYPE, MESSAGE_DIGEST)]
    if values != [[kind], [content]]:
        raise TrustError("the signature belongs to other content")
    # Signed as the SET that they are, not with the tag that they have here (RFC 5652, section 5.4).
    return x509.digest(signature.hashed_with, bytes([der.SET]) + signature.attributes.whole[1:])
