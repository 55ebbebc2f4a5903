"""Fuzz target for certificates and catalogues of ClamAV: as rules, as a catalogue, and as one of a trusted signer."""

from freehold.model.errors import MalformedInput
from freehold.model.pki import der
from freehold.model.signature import CertificateRule, Rejected, SecurityCatalogue
from freehold.signatures import catalogues
from freehold.signatures.languages.clamav_crb import LANGUAGE


def target(data: bytes) -> None:
    read = list(LANGUAGE.parse(data, "a.crb"))
    assert all(isinstance(one, CertificateRule | Rejected) for one in read)
    rules = [one.rule for one in read if isinstance(one, CertificateRule)]
    (catalogue,) = LANGUAGE.parse(data, "a.cat")
    assert isinstance(catalogue, SecurityCatalogue)
    for trusting in (True, False):
        try:
            list(catalogues.members(der.first(data)) if trusting else catalogues.listed(data, rules, 1_800_000_000))
        except MalformedInput:
            continue
