"""Fuzz target for policy packs: whatever a file holds, it is a pack or a list of faults."""

from freehold.model.policy import PolicyPack
from freehold.model.signature import Rejected
from freehold.signatures.languages.policy import LANGUAGE


def target(data: bytes) -> None:
    for signature in LANGUAGE.parse(data, "fuzz.policy"):
        assert isinstance(signature, PolicyPack | Rejected)
