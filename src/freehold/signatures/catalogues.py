"""What security catalogues list: digests of files that their signer vouches for.

The digests of programs are those of Authenticode, those of cabinets are of the whole file.

Source: catalogues of Windows, observed; documentation of ``makecat``.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.model.pki import cms, der, trust, x509
from freehold.model.pki.x509 import Certificate

_LIST = der.oid("1.3.6.1.4.1.311.10.1")
_CATALOGUE = der.oid("1.3.6.1.4.1.311.12.1.1")
_DIGEST = der.oid("1.3.6.1.4.1.311.2.1.4")
_PROGRAM, _CABINET = der.oid("1.3.6.1.4.1.311.2.1.15"), der.oid("1.3.6.1.4.1.311.2.1.25")
_UTC_TIME = 0x17
_ALGORITHMS = frozenset({"sha1", "sha256"})


class Listed(NamedTuple):
    """A file that a catalogue lists.

    Attributes:
        program: whether the digest is one of a program without its signature; otherwise of a whole file.
        algorithm: ``sha1`` or ``sha256``.
        digest: in bytes.
    """

    program: bool
    algorithm: str
    digest: bytes


def listed(content: bytes, rules: Sequence[trust.Rule], now: float) -> list[Listed]:
    """Return what a catalogue lists.

    Args:
        content: of the catalogue.
        rules: whom to trust.
        now: seconds since 1970.

    Raises:
        MalformedInput: it is damaged, or no rule trusts who signed it.
    """
    message = cms.parse(der.parse(content))
    if message.kind != _LIST or message.content is None:
        raise MalformedInput("it is no security catalogue")
    if not trust.trusts(rules, message, _certificates(message), now):
        raise MalformedInput("no rule of a .crb file trusts who signed it")
    return list(members(message.content))


def _certificates(message: cms.SignedData) -> list[Certificate]:
    found = []
    for element in message.certificates:
        try:
            found.append(x509.parse(element))
        except MalformedInput:  # of a kind that rules cannot name
            continue
    return found


def members(content: der.Element) -> Iterator[Listed]:
    """Yield what a list of files has in it, whoever signed it; raises ``MalformedInput``."""
    parts = content.expect(der.SEQUENCE).children()
    if parts.take(der.SEQUENCE).children().take(der.OID).content != _CATALOGUE:
        raise MalformedInput("it is a list of something else than files")
    parts.take(der.OCTET_STRING)
    parts.take(_UTC_TIME)
    parts.take(der.SEQUENCE)
    for member in parts.take(der.SEQUENCE).children():
        fields = member.expect(der.SEQUENCE).children()
        fields.take(der.OCTET_STRING)
        for attribute in fields.take(der.SET).children():
            pair = attribute.expect(der.SEQUENCE).children()
            if pair.take(der.OID).content == _DIGEST:
                for value in pair.take(der.SET).children():
                    yield _member(value)


def _member(value: der.Element) -> Listed:
    parts = value.expect(der.SEQUENCE).children()
    kind = parts.take(der.SEQUENCE).children().take(der.OID).content
    information = parts.take(der.SEQUENCE).children()
    algorithm = x509.DIGESTS.get(information.take(der.SEQUENCE).children().take(der.OID).content)
    if kind not in {_PROGRAM, _CABINET} or algorithm not in _ALGORITHMS:
        raise MalformedInput("it lists something that is neither a program nor a cabinet, or by an unknown digest")
    return Listed(kind == _PROGRAM, algorithm, information.take(der.OCTET_STRING).content)
