"""What a detection says of the signature that matched: all that scans need to know of one."""

from enum import StrEnum
from typing import NamedTuple

from freehold.model.report import Verdict


class About(NamedTuple):
    """What a detection says of its signature.

    Attributes:
        name: unique within its source.
        source: file and line, ``main.hdb:17``.
        category: ``webshell``, ``miner`` ...; "" when the language does not say.
        verdict: what a match means.
        description: one sentence for people.
        severity: ``low``, ``medium``, ``high``, ``critical``, or "".
        references: addresses and ATT&CK technique numbers.
    """

    name: str
    source: str
    category: str = ""
    verdict: Verdict = Verdict.INFECTED
    description: str = ""
    severity: str = ""
    references: tuple[str, ...] = ()


class HashedPart(StrEnum):
    """What a hash is of; ``ALLOWED``: content whose detections are not reported."""

    CONTENT = "content"
    PE_SECTION = "pe-section"
    PE_IMPORTS = "pe-imports"
    ALLOWED = "allowed"
