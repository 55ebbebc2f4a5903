"""Whose signatures to trust, and whose certificates to report: rules over certificates, as ClamAV judges them.

A rule knows a certificate by its subject, its RSA key and mostly its serial number. What a trusted certificate issued
is trusted for the purposes that both have. A signature counts when its certificate is trusted to sign code, and was
valid when a trusted time stamp says that it was made, or is valid now.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from freehold.model.errors import MalformedInput, TrustError
from freehold.model.pki import cms, der, x509
from freehold.model.pki.rsa import Key, pkcs1_valid
from freehold.model.pki.x509 import Certificate

_EXPONENT = 65_537
_KEY_USAGE, _EXTENDED_KEY_USAGE = der.oid("2.5.29.15"), der.oid("2.5.29.37")
_BASIC_CONSTRAINTS = der.oid("2.5.29.19")
_SIGNS_CODE, _STAMPS_TIME = der.oid("1.3.6.1.5.5.7.3.3"), der.oid("1.3.6.1.5.5.7.3.8")
_COUNTERSIGNATURE, _SIGNING_TIME = der.oid("1.2.840.113549.1.9.6"), der.oid("1.2.840.113549.1.9.5")
_DATA, _TIME_STAMP_INFO = der.oid("1.2.840.113549.1.7.1"), der.oid("1.2.840.113549.1.9.16.1.4")
_CERTIFICATE_SIGNING = 0x04


class Purposes(NamedTuple):
    """What a certificate may be used for."""

    code: bool
    time: bool
    certificates: bool

    def within(self, others: "Purposes") -> bool:
        """Whether the others have all of these."""
        return all(other or not own for own, other in zip(self, others, strict=True))


class Rule(NamedTuple):
    """A certificate that is known.

    Attributes:
        trusted: what it signed is not reported; otherwise any program that carries it is.
        subject: SHA-1 of the name's content.
        serial: SHA-1 of the serial number's content; None for any.
        modulus: of its RSA key; the exponent is 65,537.
        purposes: what it is trusted for.
        since: certificates that were valid earlier are not meant, seconds since 1970.
    """

    trusted: bool
    subject: bytes
    serial: bytes | None
    modulus: int
    purposes: Purposes
    since: int = 0

    def names(self, certificate: Certificate) -> bool:
        """Whether a certificate has this subject, key and serial number."""
        key = x509.rsa_key(certificate.key)
        return (
            key is not None
            and key.modulus == self.modulus
            and _sha1(certificate.subject.content) == self.subject
            and self.serial in (None, _sha1(certificate.serial.content))
        )


class _Trusted(NamedTuple):
    subject: bytes
    key: Key
    purposes: Purposes
    certificate: Certificate | None = None


def blocking(rules: Sequence[Rule], certificates: Iterable[Certificate]) -> int | None:
    """Return the number of the first rule that blocks one of the certificates."""
    blocks = [(number, rule) for number, rule in enumerate(rules) if not rule.trusted]
    for certificate in certificates:
        for number, rule in blocks:
            if rule.names(certificate):
                return number
    return None


def trusts(rules: Sequence[Rule], message: cms.SignedData, certificates: Sequence[Certificate], now: float) -> bool:
    """Whether rules trust whoever signed a message, and the signature is right.

    Args:
        rules: all that there are; none that blocks counts here.
        message: with the signed content inside.
        certificates: that came with it.
        now: seconds since 1970.

    Raises:
        MalformedInput: the message is damaged.
    """
    if message.content is None or len(message.signers) != 1:
        return False
    info = cms.signer(message.signers[0])
    if info.algorithm != x509.RSA:
        return False
    known = _trusted(rules, certificates)
    try:
        signer = _check(known, info, message.kind, message.content.content, time=False)
        return _valid_at(signer, _stamped_at(known, info), now)
    except TrustError:
        return False


def _valid_at(signer: Certificate, stamped: float | None, now: float) -> bool:
    return signer.valid[0] <= (now if stamped is None else stamped) <= signer.valid[1]


def _trusted(rules: Sequence[Rule], certificates: Sequence[Certificate]) -> list[_Trusted]:
    """Return what rules trust, and those certificates that they lead to."""
    rules = [rule for rule in rules if rule.trusted]
    known = [_Trusted(rule.subject, Key(rule.modulus, _EXPONENT), rule.purposes) for rule in rules]
    rest = []
    for certificate in certificates:
        if (key := x509.rsa_key(certificate.key)) is None:
            continue
        entry = _Trusted(_sha1(certificate.subject.content), key, purposes(certificate), certificate)
        if any(_means(rule, entry) for rule in rules):
            known.append(entry)
        else:
            rest.append(entry)
    while found := next(((entry, above) for entry in rest for above in known if _issued(above, entry)), None):
        entry, above = found
        rest.remove(entry)
        own = entry.purposes
        passed = Purposes(own.code and above.purposes.code, own.time and above.purposes.time, own.certificates)
        known.append(entry._replace(purposes=passed))
    return known


def _means(rule: Rule, entry: _Trusted) -> bool:
    certificate = entry.certificate
    return (
        certificate is not None
        and certificate.valid[0] >= rule.since
        and entry.purposes.within(rule.purposes)
        and rule.names(certificate)
    )


def _issued(above: _Trusted, entry: _Trusted) -> bool:
    certificate = entry.certificate
    if certificate is None or not above.purposes.certificates or above.subject != _sha1(certificate.issuer.content):
        return False
    algorithm = x509.SIGNATURES.get(certificate.algorithm)
    return algorithm is not None and pkcs1_valid(
        algorithm, x509.digest(algorithm, certificate.signed), certificate.signature, above.key
    )


def _check(known: Sequence[_Trusted], info: cms.Signer, kind: bytes, content: bytes, *, time: bool) -> Certificate:
    """Return the trusted certificate that signed this content; raises ``TrustError`` without one."""
    signed = cms.signed_digest(info, kind, x509.digest(info.hashed_with, content))
    for entry in known:
        certificate = entry.certificate
        if (
            certificate is not None
            and (entry.purposes.time if time else entry.purposes.code)
            and (certificate.issuer.whole, certificate.serial.integer()) == (info.issuer, info.serial)
            and pkcs1_valid(info.hashed_with, signed, info.signature, entry.key)
        ):
            return certificate
    raise TrustError("nobody who is trusted signed it")


def _stamped_at(known: Sequence[_Trusted], info: cms.Signer) -> float | None:
    """Return the time of the countersignature; None without one. Time stamps of the newer kind do not count."""
    values = cms.attributes(info.unsigned).get(_COUNTERSIGNATURE)
    if not values:
        return None
    stamp = cms.signer(values[0])
    signed = cms.attributes(stamp.attributes)
    kind = [value.content for value in signed.get(cms.CONTENT_TYPE, ())]
    times = signed.get(_SIGNING_TIME, [])
    if len(times) != 1 or kind not in ([_DATA], [_TIME_STAMP_INFO]):
        raise MalformedInput("a countersignature without a time")
    _check(known, stamp, kind[0], info.signature, time=True)
    return times[0].time()


def purposes(certificate: Certificate) -> Purposes:
    """Return what a certificate is for; raises ``MalformedInput``.

    One of version 1 does not say, and is taken for one of those that stamp times; where the extension for it is
    missing, all is allowed.
    """
    if certificate.version == 1:
        return Purposes(code=False, time=True, certificates=True)
    issues = False
    for name, (_, value) in certificate.extensions.items():
        if name == _KEY_USAGE:
            issues = bool(
                int.from_bytes(der.parse(value).expect(der.BIT_STRING).content[1:2], "big") & _CERTIFICATE_SIGNING
            )
        elif name == _BASIC_CONSTRAINTS:
            authority = der.parse(value).expect(der.SEQUENCE).children().take_if(der.BOOLEAN)
            issues = authority is not None and authority.content != b"\0"
    named = certificate.extensions.get(_EXTENDED_KEY_USAGE)
    if named is None:
        code = time = bool(certificate.extensions)
    else:
        found = {purpose.content for purpose in der.parse(named[1]).children()}
        code, time = _SIGNS_CODE in found, _STAMPS_TIME in found
    if certificate.extensions and _KEY_USAGE not in certificate.extensions:
        issues = True
    return Purposes(code, time, issues)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
