"""Detached CMS signatures (RFC 5652) and the certificates behind them (RFC 5280): the part of both that ClamAV uses.

RSA with PKCS #1 v1.5 and SHA-2 only; one signer; certificates in the structure itself, up to a root whose key is
trusted. As in ClamAV, which asks OpenSSL, there are no revocation lists, and a signer's certificate must be good for
e-mail or not limited to a purpose.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from freehold.model.errors import MalformedInput, TrustError
from freehold.signatures.clamav import der
from freehold.signatures.clamav.rsa import Key, pkcs1_valid


def _oid(text: str) -> bytes:
    """Return the content of an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, text.split("."))
    content = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return bytes(content)


_DATA = _oid("1.2.840.113549.1.7.1")
_SIGNED_DATA = _oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = _oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = _oid("1.2.840.113549.1.9.4")
_RSA = _oid("1.2.840.113549.1.1.1")
_COMMON_NAME = _oid("2.5.4.3")
_BASIC_CONSTRAINTS = _oid("2.5.29.19")
_KEY_USAGE = _oid("2.5.29.15")
_EXTENDED_KEY_USAGE = _oid("2.5.29.37")
_CERTIFICATE_POLICIES = _oid("2.5.29.32")
_UNDERSTOOD = {_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE, _CERTIFICATE_POLICIES}
_PURPOSES = {_oid("1.3.6.1.5.5.7.3.4"), _oid("2.5.29.37.0")}

_DIGESTS = {
    _oid("2.16.840.1.101.3.4.2.1"): "sha256",
    _oid("2.16.840.1.101.3.4.2.2"): "sha384",
    _oid("2.16.840.1.101.3.4.2.3"): "sha512",
}
_SIGNATURES = {
    _oid("1.2.840.113549.1.1.11"): "sha256",
    _oid("1.2.840.113549.1.1.12"): "sha384",
    _oid("1.2.840.113549.1.1.13"): "sha512",
}

_CHAIN = 5
"""Certificates from the signer's to the one below the root."""

_CERTIFICATES = 20

_KEY_BITS = range(2048, 8193)

_DIGITAL_SIGNATURE, _CERTIFICATE_SIGNING = 0x80, 0x04


@dataclass(frozen=True, slots=True)
class _Certificate:
    signed: bytes
    serial: int
    issuer: bytes
    valid: tuple[float, float]
    subject: der.Element
    key: Key
    extensions: dict[bytes, bytes]
    algorithm: str
    signature: bytes

    def signed_by(self, key: Key) -> bool:
        digest = hashlib.new(self.algorithm, self.signed).digest()
        return pkcs1_valid(self.algorithm, digest, self.signature, key)


def signer(data: bytes, digest: Callable[[str], bytes], roots: tuple[Key, ...], now: float) -> str:
    """Return the common name of who signed; arguments as for ``signfile.signer``.

    Raises:
        MalformedInput: the structure is damaged or of a kind that ClamAV does not use.
        TrustError: the signature is wrong, or its certificates do not lead to a root.
    """
    certificates, signature = _parse(data)
    certificate = _check_signature(signature, certificates, digest)
    if not _may_sign(certificate):
        raise TrustError("the signer's certificate is for another purpose")
    _check_chain(certificate, certificates, roots, now)
    return _common_name(certificate.subject)


def _parse(data: bytes) -> tuple[list[_Certificate], der.Element]:
    """Return the certificates and the one SignerInfo of a ContentInfo."""
    outer = der.parse(data).expect(der.SEQUENCE).children()
    if outer.take(der.OID).content != _SIGNED_DATA:
        raise MalformedInput("the structure is not a CMS signature")
    parts = der.parse(outer.take(der.context(0)).content).expect(der.SEQUENCE).children()
    parts.take(der.INTEGER)
    parts.take(der.SET)
    encapsulated = list(parts.take(der.SEQUENCE).children())
    if len(encapsulated) != 1 or encapsulated[0].expect(der.OID).content != _DATA:
        raise MalformedInput("the signature is not a detached one of plain data")
    bag = parts.take_if(der.context(0))
    certificates = [] if bag is None else list(bag.children())
    parts.take_if(der.context(1))
    signers = list(parts.take(der.SET).children())
    if len(signers) != 1 or len(certificates) > _CERTIFICATES:
        raise MalformedInput("the signature must have one signer and few certificates")
    return [_certificate(element) for element in certificates], signers[0].expect(der.SEQUENCE)


def _check_signature(
    info: der.Element, certificates: list[_Certificate], digest: Callable[[str], bytes]
) -> _Certificate:
    """Return the certificate whose key made the signature; raises ``TrustError``."""
    parts = info.children()
    parts.take(der.INTEGER)
    identity = parts.take(der.SEQUENCE).children()
    issuer, serial = identity.take(der.SEQUENCE).whole, identity.take(der.INTEGER).integer()
    algorithm = _algorithm(parts.take(der.SEQUENCE), _DIGESTS)
    attributes = parts.take_if(der.context(0))
    declared = parts.take(der.SEQUENCE).children().take(der.OID).content
    signature = parts.take(der.OCTET_STRING).content
    if declared != _RSA and _SIGNATURES.get(declared) != algorithm:
        raise MalformedInput("the signature is not made with RSA and SHA-2")
    content = digest(algorithm)
    if attributes is not None:
        if _attributes(attributes) != {_CONTENT_TYPE: _DATA, _MESSAGE_DIGEST: content}:
            raise TrustError("the signature belongs to another file")
        # Signed as the SET that they are, not with the tag that they have here (RFC 5652, section 5.4).
        content = hashlib.new(algorithm, bytes([der.SET]) + attributes.whole[1:]).digest()
    for certificate in certificates:
        if (certificate.issuer, certificate.serial) == (issuer, serial):
            if not pkcs1_valid(algorithm, content, signature, certificate.key):
                raise TrustError("the signature is wrong")
            return certificate
    raise TrustError("the signer's certificate is missing")


def _attributes(element: der.Element) -> dict[bytes, bytes]:
    """Return the values of the two attributes that must be there; each may be there once, with one value."""
    found: dict[bytes, bytes] = {}
    for attribute in element.children():
        parts = attribute.expect(der.SEQUENCE).children()
        name, values = parts.take(der.OID).content, list(parts.take(der.SET).children())
        if name in {_CONTENT_TYPE, _MESSAGE_DIGEST}:
            if name in found or len(values) != 1:
                raise MalformedInput("a signed attribute is there twice")
            found[name] = values[0].content
    return found


def _certificate(element: der.Element) -> _Certificate:
    outer = element.expect(der.SEQUENCE).children()
    body = outer.take(der.SEQUENCE)
    algorithm = _algorithm(outer.take(der.SEQUENCE), _SIGNATURES)
    signature = outer.take(der.BIT_STRING).bits()
    parts = body.children()
    parts.take(der.context(0))
    serial = parts.take(der.INTEGER).integer()
    if _algorithm(parts.take(der.SEQUENCE), _SIGNATURES) != algorithm:
        raise MalformedInput("a certificate contradicts itself")
    issuer = parts.take(der.SEQUENCE).whole
    dates = list(parts.take(der.SEQUENCE).children())
    subject = parts.take(der.SEQUENCE)
    key = _key(parts.take(der.SEQUENCE))
    if len(dates) != 2:
        raise MalformedInput("a certificate has no two dates")
    return _Certificate(
        signed=body.whole,
        serial=serial,
        issuer=issuer,
        valid=(dates[0].time(), dates[1].time()),
        subject=subject,
        key=key,
        extensions=_extensions(parts),
        algorithm=algorithm,
        signature=signature,
    )


def _key(element: der.Element) -> Key:
    parts = element.children()
    if parts.take(der.SEQUENCE).children().take(der.OID).content != _RSA:
        raise MalformedInput("a certificate has a key of another kind than RSA")
    numbers = der.parse(parts.take(der.BIT_STRING).bits()).expect(der.SEQUENCE).children()
    key = Key(numbers.take(der.INTEGER).integer(), numbers.take(der.INTEGER).integer())
    if key.modulus.bit_length() not in _KEY_BITS or not 3 <= key.exponent < 1 << 33 or not key.exponent & 1:
        raise MalformedInput("a certificate has a key that is too small, too large or senseless")
    return key


def _extensions(parts: der.Children) -> dict[bytes, bytes]:
    """Return extensions by name; raises ``MalformedInput`` for a critical one that is not understood."""
    found: dict[bytes, bytes] = {}
    parts.take_if(0x81)
    parts.take_if(0x82)
    bag = parts.take_if(der.context(3))
    for extension in der.parse(bag.content).expect(der.SEQUENCE).children() if bag else ():
        fields = extension.expect(der.SEQUENCE).children()
        name, critical = fields.take(der.OID).content, fields.take_if(der.BOOLEAN)
        if name in found or (critical and name not in _UNDERSTOOD):
            raise MalformedInput("a certificate has an extension that is not understood")
        found[name] = fields.take(der.OCTET_STRING).content
    return found


def _algorithm(element: der.Element, known: dict[bytes, str]) -> str:
    name = known.get(element.children().take(der.OID).content)
    if name is None:
        raise MalformedInput("an algorithm is used that ClamAV does not use")
    return name


def _check_chain(certificate: _Certificate, pool: list[_Certificate], roots: tuple[Key, ...], now: float) -> None:
    """Walk from the signer's certificate up to a root; raises ``TrustError``."""
    for below in range(_CHAIN):
        if not certificate.valid[0] <= now <= certificate.valid[1]:
            raise TrustError("a certificate is not valid at this time; is the clock right?")
        if any(certificate.signed_by(root) for root in roots):
            return
        above = next((other for other in pool if _issued(other, certificate, below)), None)
        if above is None:
            break
        certificate = above
    raise TrustError("its certificates do not lead to a trusted authority")


def _issued(above: _Certificate, certificate: _Certificate, below: int) -> bool:
    """Whether ``above`` may issue certificates with ``below`` authorities below it, and issued this one."""
    return (
        above.subject.whole == certificate.issuer
        and _is_authority(above, below)
        and _usage(above, _CERTIFICATE_SIGNING)
        and certificate.signed_by(above.key)
    )


def _is_authority(certificate: _Certificate, below: int) -> bool:
    constraints = certificate.extensions.get(_BASIC_CONSTRAINTS)
    if constraints is None:
        return False
    parts = der.parse(constraints).expect(der.SEQUENCE).children()
    authority, length = parts.take_if(der.BOOLEAN), parts.take_if(der.INTEGER)
    return authority is not None and authority.content == b"\xff" and (length is None or length.integer() >= below)


def _may_sign(certificate: _Certificate) -> bool:
    purposes = certificate.extensions.get(_EXTENDED_KEY_USAGE)
    named = {purpose.content for purpose in der.parse(purposes).children()} if purposes is not None else _PURPOSES
    return _usage(certificate, _DIGITAL_SIGNATURE) and bool(named & _PURPOSES)


def _usage(certificate: _Certificate, bit: int) -> bool:
    """Whether the key may be used so; a certificate without the extension allows everything."""
    usage = certificate.extensions.get(_KEY_USAGE)
    if usage is None:
        return True
    return bool(int.from_bytes(der.parse(usage).expect(der.BIT_STRING).content[1:2], "big") & bit)


def _common_name(subject: der.Element) -> str:
    for names in subject.children():
        for pair in names.expect(der.SET).children():
            fields = list(pair.expect(der.SEQUENCE).children())
            if len(fields) == 2 and fields[0].content == _COMMON_NAME:
                return fields[1].content.decode("utf-8", "backslashreplace")
    return "an unnamed signer"
