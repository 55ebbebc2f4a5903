"""Authenticode: who signed a Windows program, and whether it is still what was signed.

A signature stands in the certificate table, a PKCS #7 message that wraps the digest of the program without its
checksum, the table and the table's entry in the header. Everything is checked against the certificates that came with
it, and nothing else: Freehold asks no network, and has no list of authorities of its own. So a signature that is
*valid* says that the holder of a key signed just this; whose key it is, only an issuer that somebody trusts can say.

Source: Microsoft's *Windows Authenticode Portable Executable Signature Format* (2008), RFC 5652, RFC 3161.
"""

import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from freehold.model.errors import MalformedInput, TrustError
from freehold.model.layout import Layout
from freehold.model.limits import Budget
from freehold.model.pki import cms, der, x509
from freehold.model.pki.x509 import Certificate
from freehold.model.view import View

_TABLE = 4
_OPTIONAL_HEADER = 24
_CHECKSUM = _OPTIONAL_HEADER + 64
_HEADER = struct.Struct("<IHH")
_SIGNED_MESSAGE = 2
_PIECE = 1 << 20

LARGEST = 1 << 18
"""Bytes of the largest signature that is read; the usual ones have 5,000 to 20,000."""

_MOST_ENTRIES = 8
_MOST_CERTIFICATES = 32
_LONGEST_CHAIN = 8

INDIRECT_DATA = der.oid("1.3.6.1.4.1.311.2.1.4")
_COUNTERSIGNATURE, _SIGNING_TIME = der.oid("1.2.840.113549.1.9.6"), der.oid("1.2.840.113549.1.9.5")
_TIME_STAMP, _TIME_STAMP_INFO = der.oid("1.3.6.1.4.1.311.3.3.1"), der.oid("1.2.840.113549.1.9.16.1.4")
_DATA = der.oid("1.2.840.113549.1.7.1")
_GENERALIZED_TIME = 0x18


class Signature(NamedTuple):
    """What a program's first signature says, and what of it is true.

    Attributes:
        signer: whose key signed.
        wrong: why the signature proves nothing, "" when it is valid.
        chain: the signer's certificate and those of its issuers that came with it, each signed by the next.
        signed_at: when it was signed, as seconds since 1970: as a time stamp says that was checked, None without one.
    """

    signer: Certificate
    wrong: str
    chain: tuple[Certificate, ...]
    signed_at: float | None

    @property
    def self_signed(self) -> bool:
        """Whether the signer issued the certificate to itself."""
        return len(self.chain) == 1 and self.ends_in_root

    @property
    def ends_in_root(self) -> bool:
        """Whether the last certificate of the chain is signed by itself."""
        return self.chain[-1].issuer.whole == self.chain[-1].subject.whole

    @property
    def publishers(self) -> list[str]:
        """The organisation and the common name of the signer, each once."""
        names = [*self.signer.names(x509.ORGANISATION), *self.signer.names(x509.COMMON_NAME)]
        return list(dict.fromkeys(name.strip() for name in names if name.strip()))

    def words(self) -> str:
        """Say in a few words how much it proves."""
        if self.wrong:
            return f"not valid: {self.wrong}"
        if self.self_signed:
            return "valid, self-signed: not trusted"
        if self.ends_in_root:
            return f"valid, by an authority that came with it ({name_of(self.chain[-1].subject)}): not trusted"
        return f"valid, if {name_of(self.chain[-1].issuer)} is trusted"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what ``explain`` shows."""
        yield "signature", self.words()
        yield "signed-by", ", ".join(self.publishers) or "an unnamed signer"
        yield "issuer", name_of(self.signer.issuer)
        yield "serial", self.signer.serial.content.hex()
        yield "thumbprint", x509.digest("sha1", self.signer.whole).hex()
        if self.signed_at is not None:
            yield "signed-at", datetime.fromtimestamp(self.signed_at, UTC).isoformat()


def name_of(name: der.Element) -> str:
    """Return the common name, or else the organisation, of a distinguished name."""
    found = [*x509.names(name, x509.COMMON_NAME), *x509.names(name, x509.ORGANISATION)]
    return found[0] if found else "somebody unnamed"


def message(view: View, layout: Layout) -> der.Element | None:
    """Return the first PKCS #7 message in the certificate table of a program, None without one.

    Raises:
        MalformedInput: there is something else in the table, or the message is cut off or too large.
    """
    start, end = table(layout)
    for _ in range(_MOST_ENTRIES):
        if start + _HEADER.size > end:
            return None
        head = view.read(start, _HEADER.size)
        if len(head) < _HEADER.size:
            raise MalformedInput("the certificate table lies behind the end of the file")
        length, _, kind = _HEADER.unpack(head)
        if kind == _SIGNED_MESSAGE:
            return der.first(view.read(start + _HEADER.size, min(end - start - _HEADER.size, LARGEST)))
        start += max(length + -length % 8, _HEADER.size)
    return None


def table(layout: Layout) -> tuple[int, int]:
    """Return where the certificate table begins and ends in the file; it is empty when there is none."""
    if len(layout.directories) <= _TABLE:
        return 0, 0
    start, size = layout.directories[_TABLE]
    return (start, start + size) if start else (0, 0)


def digest(view: View, layout: Layout, algorithms: Iterable[str], budget: Budget) -> dict[str, bytes]:
    """Hash a program as signers do, with each of these algorithms."""
    import hashlib

    hashers = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    header = int.from_bytes(view.read(60, 4), "little")
    entry = header + _OPTIONAL_HEADER + (112 if layout.is_64 else 96) + 8 * _TABLE
    left_out = [(header + _CHECKSUM, header + _CHECKSUM + 4)]
    if len(layout.directories) > _TABLE:
        left_out.append((entry, entry + 8))
    position = 0
    for start, end in [*left_out, table(layout), (view.size, view.size)]:
        while position < start:
            piece = view.read(position, min(_PIECE, start - position))
            if not piece:
                break
            for hasher in hashers.values():
                hasher.update(piece)
            position += len(piece)
            budget.tick()
        position = max(position, end)
    return {name: hasher.digest() for name, hasher in hashers.items()}


def read(view: View, layout: Layout, budget: Budget) -> Signature | None:
    """Return the first signature of a program, checked; None when it has none.

    Raises:
        MalformedInput: there is one that cannot be read, or is of a kind that is not supported.
        LimitReached: time ran out.
    """
    outermost = message(view, layout)
    if outermost is None:
        return None
    parsed = cms.parse(outermost)
    if parsed.kind != INDIRECT_DATA or parsed.content is None or len(parsed.signers) != 1:
        raise MalformedInput("the signature is not one of a program")
    certificates = certificates_of(parsed)
    info = cms.signer(parsed.signers[0])
    signer = _signer(info, certificates)
    algorithm, stated = stated_digest(parsed.content)
    same = digest(view, layout, [algorithm], budget)[algorithm] == stated
    wrong = _wrong(parsed.content, info, signer) if same else "the file was changed after it was signed"
    chain = _chain(signer, certificates, budget)
    return Signature(signer, wrong, chain, None if wrong else _signed_at(info, certificates))


def certificates_of(parsed: cms.SignedData) -> list[Certificate]:
    """Return the certificates of a message; those of unknown kinds are passed over, as nobody needs them.

    Raises:
        MalformedInput: there are too many.
    """
    if len(parsed.certificates) > _MOST_CERTIFICATES:
        raise MalformedInput("the signature brings more certificates than any needs")
    found = []
    for element in parsed.certificates:
        try:
            found.append(x509.parse(element))
        except MalformedInput:
            continue
    return found


def stated_digest(content: der.Element) -> tuple[str, bytes]:
    """Return the digest that was signed, and its algorithm; raises ``MalformedInput``."""
    parts = content.expect(der.SEQUENCE).children()
    parts.take(der.SEQUENCE)
    information = parts.take(der.SEQUENCE).children()
    algorithm = x509.DIGESTS.get(information.take(der.SEQUENCE).children().take(der.OID).content)
    if algorithm is None:
        raise MalformedInput("the signature is made with an unknown digest")
    return algorithm, information.take(der.OCTET_STRING).content


def _signer(info: cms.Signer, certificates: Iterable[Certificate]) -> Certificate:
    for certificate in certificates:
        if (certificate.issuer.whole, certificate.serial.integer()) == (info.issuer, info.serial):
            return certificate
    raise MalformedInput("the signer's certificate is missing")


def _wrong(content: der.Element, info: cms.Signer, signer: Certificate) -> str:
    """Return why the signature itself proves nothing, "" when it is valid."""
    try:
        _check(info, INDIRECT_DATA, content.content, signer)
    except TrustError as error:
        return str(error)
    return ""


def _check(info: cms.Signer, kind: bytes, content: bytes, signer: Certificate) -> None:
    """Raise ``TrustError`` unless the signer signed this content."""
    signed = cms.signed_digest(info, kind, x509.digest(info.hashed_with, content))
    if not x509.verifies(signer.key, info.hashed_with, signed, info.signature):
        raise TrustError("the signature is wrong")


def _chain(signer: Certificate, certificates: list[Certificate], budget: Budget) -> tuple[Certificate, ...]:
    """Return the signer's certificate and its issuers', as far as they came along and really signed one another."""
    chain = [signer]
    while len(chain) < _LONGEST_CHAIN and chain[-1].issuer.whole != chain[-1].subject.whole:
        budget.tick()
        above = next((other for other in certificates if other not in chain and _issued(other, chain[-1])), None)
        if above is None:
            break
        chain.append(above)
    return tuple(chain)


def _issued(above: Certificate, certificate: Certificate) -> bool:
    try:
        return above.subject.whole == certificate.issuer.whole and certificate.signed_by(above.key)
    except MalformedInput:
        return False


def _signed_at(info: cms.Signer, certificates: list[Certificate]) -> float | None:
    """Return when a time stamp says that it was signed; None where there is none that can be checked."""
    try:
        unsigned = cms.attributes(info.unsigned)
        for value in unsigned.get(_COUNTERSIGNATURE, ()):
            return _countersigned_at(value, info.signature, certificates)
        for value in unsigned.get(_TIME_STAMP, ()):
            return _stamped_at(value, info.signature)
    except (MalformedInput, TrustError):
        pass
    return None


def _countersigned_at(value: der.Element, signature: bytes, certificates: list[Certificate]) -> float:
    """Return the time of a countersignature (PKCS #9); raises ``TrustError`` when it is wrong."""
    info = cms.signer(value)
    _check(info, _DATA, signature, _signer(info, certificates))
    times = cms.attributes(info.attributes).get(_SIGNING_TIME, [])
    if len(times) != 1:
        raise MalformedInput("a countersignature without a time")
    return times[0].time()


def _stamped_at(value: der.Element, signature: bytes) -> float:
    """Return the time of a stamp (RFC 3161); raises ``TrustError`` when it is wrong, or one of something else."""
    parsed = cms.parse(value)
    if parsed.kind != _TIME_STAMP_INFO or parsed.content is None or len(parsed.signers) != 1:
        raise MalformedInput("the time stamp is of another kind")
    info = cms.signer(parsed.signers[0])
    stamp = parsed.content.expect(der.OCTET_STRING).content
    _check(info, _TIME_STAMP_INFO, stamp, _signer(info, certificates_of(parsed)))
    parts = der.parse(stamp).expect(der.SEQUENCE).children()
    parts.take(der.INTEGER)
    parts.take(der.OID)
    imprint = parts.take(der.SEQUENCE).children()
    algorithm = x509.DIGESTS.get(imprint.take(der.SEQUENCE).children().take(der.OID).content)
    if algorithm is None or x509.digest(algorithm, signature) != imprint.take(der.OCTET_STRING).content:
        raise TrustError("the time stamp belongs to another signature")
    parts.take(der.INTEGER)
    return _without_fraction(parts.take(_GENERALIZED_TIME)).time()


def _without_fraction(time: der.Element) -> der.Element:
    whole, dot, _ = time.content.partition(b".")
    return time._replace(content=whole + b"Z") if dot else time
