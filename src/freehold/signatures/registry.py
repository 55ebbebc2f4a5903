"""The signature languages that Freehold reads."""

from freehold.model.interfaces import SignatureLanguage
from freehold.signatures.languages import clamav_hash, pack, yara

LANGUAGES: tuple[SignatureLanguage, ...] = (clamav_hash.LANGUAGE, pack.LANGUAGE, yara.LANGUAGE)

BY_SUFFIX: dict[str, SignatureLanguage] = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
