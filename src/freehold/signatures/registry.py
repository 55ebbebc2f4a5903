"""The signature languages that Freehold reads."""

from freehold.model.interfaces import SignatureLanguage
from freehold.signatures.languages import (
    clamav_cdb,
    clamav_crb,
    clamav_hash,
    clamav_idb,
    clamav_ldb,
    clamav_lists,
    clamav_ndb,
    clamav_other,
    clamav_pdb,
    clamav_pe_hash,
    pack,
    policy,
    yara,
)

LINE_LANGUAGES: tuple[SignatureLanguage, ...] = (
    clamav_cdb.LANGUAGE,
    clamav_hash.LANGUAGE,
    clamav_idb.LANGUAGE,
    clamav_ldb.LANGUAGE,
    clamav_lists.LANGUAGE,
    clamav_ndb.LANGUAGE,
    clamav_pe_hash.LANGUAGE,
)
"""Those with a signature to a line, so that any lines of a file can be read by themselves."""

LANGUAGES: tuple[SignatureLanguage, ...] = (
    *LINE_LANGUAGES,
    clamav_crb.LANGUAGE,
    clamav_other.LANGUAGE,
    clamav_pdb.LANGUAGE,
    pack.LANGUAGE,
    policy.LANGUAGE,
    yara.LANGUAGE,
)

BY_SUFFIX: dict[str, SignatureLanguage] = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
