"""ClamAV's hashes of parts of Windows programs: sections (.mdb, .msb; .mdu, .msu) and imports (.imp).

Sections: ``size:digest:name[:level[:level]]``, the size rounded as ``pe`` files are aligned. Imports:
``digest:size:name…``, where the size is that of the import table.
"""

from collections.abc import Iterator

from freehold.model.signature import HashedPart, HashSignature, Rejected
from freehold.signatures.clamav.digests import parse_digest
from freehold.signatures.clamav.lines import LONGEST_LINE, about, parse_lines


class ClamavPeHash:
    """The language of ``.mdb``, ``.msb`` and ``.imp`` files."""

    name = "clamav-pe-hash"
    suffixes = frozenset({".mdb", ".mdu", ".msb", ".msu", ".imp"})

    def parse(self, text: bytes, source: str) -> Iterator[HashSignature | Rejected]:
        """See ``SignatureLanguage.parse``."""
        return parse_lines(
            text, source, LONGEST_LINE, _parse_imports if source.lower().endswith(".imp") else _parse_section
        )


LANGUAGE = ClamavPeHash()


def _parse_section(line: str, place: str) -> HashSignature:
    entry = parse_digest(line, size_first=True)
    return HashSignature(about(entry.name, place), entry.algorithm, entry.digest, entry.size, HashedPart.PE_SECTION)


def _parse_imports(line: str, place: str) -> HashSignature:
    entry = parse_digest(line, any_size_needs_level=False)
    return HashSignature(about(entry.name, place), entry.algorithm, entry.digest, entry.size, HashedPart.PE_IMPORTS)
