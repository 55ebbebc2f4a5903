"""ClamAV's hashes of whole files: ``.hdb`` and ``.hsb`` (``.hdu``, ``.hsu``).

A line is ``digest:size:name[:level[:level]]``; the digest's length tells MD5, SHA-1 and SHA-256 apart; the size may be
``*`` when the minimal level is 73 or more. (https://docs.clamav.net/manual/Signatures/HashSignatures.html)

Names are kept as they are written; ClamAV itself appends ``.UNOFFICIAL`` to those from outside its signed containers.
"""

from collections.abc import Iterator

from freehold.model.signature import HashSignature, Rejected
from freehold.signatures.clamav.digests import parse_digest
from freehold.signatures.clamav.lines import LONGEST_LINE, about, parse_lines


class ClamavHash:
    """The language of ``.hdb`` and ``.hsb`` files."""

    name = "clamav-hash"
    suffixes = frozenset({".hdb", ".hdu", ".hsb", ".hsu"})

    def parse(self, text: bytes, source: str) -> Iterator[HashSignature | Rejected]:
        """See ``SignatureLanguage.parse``."""
        return parse_lines(text, source, LONGEST_LINE, _parse)


LANGUAGE = ClamavHash()


def _parse(line: str, place: str) -> HashSignature:
    entry = parse_digest(line)
    return HashSignature(about(entry.name, place), entry.algorithm, entry.digest, entry.size)
