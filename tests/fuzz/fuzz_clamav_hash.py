"""Fuzz target for ClamAV's hash files: each line is a signature or a rejection."""

from freehold.model.signature import HashSignature, Rejected
from freehold.signatures.languages.clamav_hash import LANGUAGE


def target(data: bytes) -> None:
    for signature in LANGUAGE.parse(data, "fuzz.hsb"):
        assert isinstance(signature, HashSignature | Rejected)
