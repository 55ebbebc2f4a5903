"""Fuzz target for Freehold's packs: whatever a file holds, each rule of it is a signature or a rejection."""

from freehold.model.signature import HashSignature, PatternSignature, Rejected
from freehold.signatures.languages.pack import LANGUAGE


def target(data: bytes) -> None:
    for signature in LANGUAGE.parse(data, "fuzz.toml"):
        assert isinstance(signature, HashSignature | PatternSignature | Rejected)
