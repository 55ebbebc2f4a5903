"""Authorities that a system trusts: whom the certificates in its trust stores are for.

Source: RFC 5280 section 4.1, RFC 7468
"""

import binascii
import re
from collections.abc import Iterator

from freehold.engine.inventory.content import whole
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.pki import der, x509
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_PATH = re.compile(
    r"/(?:etc/ssl/certs|ca-certificates(?:/.*)?|(?:ca-trust/|trust-|ca-trust-)source/anchors|trust/anchors"
    r"|ca-trust/extracted/pem)/[^/]+$"
)
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END")
_DER = (b"0\x81", b"0\x82", b"0\x83")
"""How a sequence begins that is as long as a certificate; a text may begin with a 0, too."""

_LARGEST = 1 << 16


def reads(artifact: Artifact) -> bool:
    """Whether this lies in a trust store."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the names of whom certificates are for; damaged ones are said at the end."""
    data = whole(artifact, budget)
    damaged = 0
    for offset, certificate in _certificates(data):
        budget.tick()
        try:
            for name, value in owners(certificate):
                yield Item(IndicatorKind.PUBLISHER, value, f"{name} of a trusted authority", offset)
        except (MalformedInput, binascii.Error):
            damaged += 1
    if damaged:
        raise MalformedInput(f"{damaged} certificates are damaged")


def _certificates(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield certificates, each still in its encoding, with their offsets; a file that is none has none."""
    if data.startswith(_DER):
        yield 0, data
    for found in _PEM.finditer(data):
        yield found.start(), found[1]


def owners(certificate: bytes) -> Iterator[tuple[str, str]]:
    """Yield what kind of name it is, and the names of whom a certificate is for.

    Args:
        certificate: in DER, or in base64 of it.

    Raises:
        MalformedInput: it is none.
        binascii.Error: it is no base64 either.
    """
    if not certificate.startswith(_DER):
        certificate = binascii.a2b_base64(certificate)
    if len(certificate) > _LARGEST:
        raise MalformedInput("a certificate is too large")
    found = x509.parse(der.first(certificate))
    for kind, meaning in ((x509.ORGANISATION, "organisation"), (x509.COMMON_NAME, "common name")):
        yield from ((meaning, name) for name in found.names(kind))
