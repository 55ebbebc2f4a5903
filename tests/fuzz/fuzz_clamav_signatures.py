"""Fuzz target for ClamAV's signature languages: each line is a signature or a rejection."""

from freehold.model.interfaces import SignatureLanguage
from freehold.model.signature import Rejected
from freehold.signatures.languages import clamav_cdb, clamav_idb, clamav_ldb, clamav_lists, clamav_ndb, clamav_pe_hash

LANGUAGES: tuple[tuple[SignatureLanguage, str], ...] = (
    (clamav_ldb.LANGUAGE, ".ldb"),
    (clamav_ndb.LANGUAGE, ".ndb"),
    (clamav_ndb.LANGUAGE, ".db"),
    (clamav_pe_hash.LANGUAGE, ".mdb"),
    (clamav_pe_hash.LANGUAGE, ".imp"),
    (clamav_lists.LANGUAGE, ".fp"),
    (clamav_lists.LANGUAGE, ".ign2"),
    (clamav_cdb.LANGUAGE, ".cdb"),
    (clamav_cdb.LANGUAGE, ".pwdb"),
    (clamav_idb.LANGUAGE, ".idb"),
    (clamav_cdb.LANGUAGE, ".zmd"),
)


def target(data: bytes) -> None:
    for language, suffix in LANGUAGES:
        for signature in language.parse(data, f"fuzz{suffix}"):
            assert not isinstance(signature, Rejected) or signature.reason
