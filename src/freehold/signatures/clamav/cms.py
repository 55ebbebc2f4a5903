"""Detached CMS signatures (RFC 5652) and the certificates behind them (RFC 5280): the part of both that ClamAV uses.

RSA with PKCS #1 v1.5 and SHA-2 only; one signer; certificates in the structure itself, up to a root whose key is
trusted. As in ClamAV, which asks OpenSSL, there are no revocation lists, and a signer's certificate must be good for
e-mail or not limited to a purpose.
"""

from collections.abc import Callable

from freehold.model.errors import MalformedInput, TrustError
from freehold.model.pki import cms, der, x509
from freehold.model.pki.rsa import Key, pkcs1_valid
from freehold.model.pki.x509 import Certificate

_DATA = der.oid("1.2.840.113549.1.7.1")
_BASIC_CONSTRAINTS = der.oid("2.5.29.19")
_KEY_USAGE = der.oid("2.5.29.15")
_EXTENDED_KEY_USAGE = der.oid("2.5.29.37")
_CERTIFICATE_POLICIES = der.oid("2.5.29.32")
_UNDERSTOOD = {_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE, _CERTIFICATE_POLICIES}
_PURPOSES = {der.oid("1.3.6.1.5.5.7.3.4"), der.oid("2.5.29.37.0")}

_SIGNATURES = {
    der.oid("1.2.840.113549.1.1.11"): "sha256",
    der.oid("1.2.840.113549.1.1.12"): "sha384",
    der.oid("1.2.840.113549.1.1.13"): "sha512",
}

_CHAIN = 5
"""Certificates from the signer's to the one below the root."""

_CERTIFICATES = 20

_KEY_BITS = range(2048, 8193)

_DIGITAL_SIGNATURE, _CERTIFICATE_SIGNING = 0x80, 0x04


def signer(data: bytes, digest: Callable[[str], bytes], roots: tuple[Key, ...], now: float) -> str:
    """Return the common name of who signed; arguments as for ``signfile.signer``.

    Raises:
        MalformedInput: the structure is damaged or of a kind that ClamAV does not use.
        TrustError: the signature is wrong, or its certificates do not lead to a root.
    """
    message = cms.parse(der.parse(data))
    if message.kind != _DATA or message.content is not None:
        raise MalformedInput("the signature is not a detached one of plain data")
    if len(message.signers) != 1 or len(message.certificates) > _CERTIFICATES:
        raise MalformedInput("the signature must have one signer and few certificates")
    certificates = [_certificate(element) for element in message.certificates]
    certificate = _check_signature(cms.signer(message.signers[0]), certificates, digest)
    if not _may_sign(certificate):
        raise TrustError("the signer's certificate is for another purpose")
    _check_chain(certificate, certificates, roots, now)
    return next(iter(certificate.names(x509.COMMON_NAME)), "an unnamed signer")


def _check_signature(
    signature: cms.Signer, certificates: list[Certificate], digest: Callable[[str], bytes]
) -> Certificate:
    """Return the certificate whose key made the signature; raises ``TrustError``."""
    algorithm = signature.hashed_with
    if algorithm not in _SIGNATURES.values():
        raise MalformedInput("an algorithm is used that ClamAV does not use")
    if signature.algorithm != x509.RSA and _SIGNATURES.get(signature.algorithm) != algorithm:
        raise MalformedInput("the signature is not made with RSA and SHA-2")
    content = cms.signed_digest(signature, _DATA, digest(algorithm))
    for certificate in certificates:
        if (certificate.issuer.whole, certificate.serial.integer()) == (signature.issuer, signature.serial):
            if not pkcs1_valid(algorithm, content, signature.signature, _key(certificate)):
                raise TrustError("the signature is wrong")
            return certificate
    raise TrustError("the signer's certificate is missing")


def _certificate(element: der.Element) -> Certificate:
    """Read a certificate of the kind that ClamAV uses; raises ``MalformedInput`` for any other."""
    certificate = x509.parse(element)
    if certificate.algorithm not in _SIGNATURES:
        raise MalformedInput("an algorithm is used that ClamAV does not use")
    if any(critical and name not in _UNDERSTOOD for name, (critical, _) in certificate.extensions.items()):
        raise MalformedInput("a certificate has an extension that is not understood")
    _key(certificate)
    return certificate


def _key(certificate: Certificate) -> Key:
    key = x509.rsa_key(certificate.key)
    if key is None:
        raise MalformedInput("a certificate has a key of another kind than RSA")
    if key.modulus.bit_length() not in _KEY_BITS:
        raise MalformedInput("a certificate has a key that is too small or too large")
    return key


def _signed_by(certificate: Certificate, key: Key) -> bool:
    algorithm = _SIGNATURES[certificate.algorithm]
    return pkcs1_valid(algorithm, x509.digest(algorithm, certificate.signed), certificate.signature, key)


def _extension(certificate: Certificate, name: bytes) -> bytes | None:
    return certificate.extensions.get(name, (False, None))[1]


def _check_chain(certificate: Certificate, pool: list[Certificate], roots: tuple[Key, ...], now: float) -> None:
    """Walk from the signer's certificate up to a root; raises ``TrustError``."""
    for below in range(_CHAIN):
        if not certificate.valid[0] <= now <= certificate.valid[1]:
            raise TrustError("a certificate is not valid at this time; is the clock right?")
        if any(_signed_by(certificate, root) for root in roots):
            return
        above = next((other for other in pool if _issued(other, certificate, below)), None)
        if above is None:
            break
        certificate = above
    raise TrustError("its certificates do not lead to a trusted authority")


def _issued(above: Certificate, certificate: Certificate, below: int) -> bool:
    """Whether ``above`` may issue certificates with ``below`` authorities below it, and issued this one."""
    return (
        above.subject.whole == certificate.issuer.whole
        and _is_authority(above, below)
        and _usage(above, _CERTIFICATE_SIGNING)
        and _signed_by(certificate, _key(above))
    )


def _is_authority(certificate: Certificate, below: int) -> bool:
    constraints = _extension(certificate, _BASIC_CONSTRAINTS)
    if constraints is None:
        return False
    parts = der.parse(constraints).expect(der.SEQUENCE).children()
    authority, length = parts.take_if(der.BOOLEAN), parts.take_if(der.INTEGER)
    return authority is not None and authority.content == b"\xff" and (length is None or length.integer() >= below)


def _may_sign(certificate: Certificate) -> bool:
    purposes = _extension(certificate, _EXTENDED_KEY_USAGE)
    named = {purpose.content for purpose in der.parse(purposes).children()} if purposes is not None else _PURPOSES
    return _usage(certificate, _DIGITAL_SIGNATURE) and bool(named & _PURPOSES)


def _usage(certificate: Certificate, bit: int) -> bool:
    """Whether the key may be used so; a certificate without the extension allows everything."""
    usage = _extension(certificate, _KEY_USAGE)
    if usage is None:
        return True
    return bool(int.from_bytes(der.parse(usage).expect(der.BIT_STRING).content[1:2], "big") & bit)
