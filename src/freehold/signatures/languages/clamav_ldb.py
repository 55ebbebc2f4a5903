"""ClamAV's logical signatures: ``Name;Target description;Expression;Subsignature 0;…`` (.ldb, .ldu)."""

from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.signature import LogicalSignature, Rejected
from freehold.signatures.clamav.description import parse_description
from freehold.signatures.clamav.expression import MOST_SUBSIGNATURES, parse_expression
from freehold.signatures.clamav.lines import LONGEST_LOGICAL_LINE, about, parse_lines
from freehold.signatures.clamav.subsignatures import parse_subsignature, split


class ClamavLdb:
    """The language of ``.ldb`` files, and of ``.ldu`` for potentially unwanted programs."""

    name = "clamav-ldb"
    suffixes = frozenset({".ldb", ".ldu"})

    def parse(self, text: bytes, source: str) -> Iterator[LogicalSignature | Rejected]:
        """See ``SignatureLanguage.parse``."""
        unwanted = source.lower().endswith(".ldu")
        return parse_lines(text, source, LONGEST_LOGICAL_LINE, lambda line, place: parse_line(line, place, unwanted))


LANGUAGE = ClamavLdb()


def parse_line(line: str, place: str, potentially_unwanted: bool = False) -> LogicalSignature:
    """Read one logical signature; raises ``MalformedInput``."""
    fields = split(line, ";", 2)
    if len(fields) < 4:
        raise MalformedInput(f"{len(fields)} fields; a logical signature has at least four")
    name, attributes, logic, *subsignatures = fields
    description = parse_description(attributes)
    expression, highest = parse_expression(logic)
    if len(subsignatures) != highest + 1:
        raise MalformedInput(f"the expression asks for {highest + 1} subsignatures; there are {len(subsignatures)}")
    if len(subsignatures) > MOST_SUBSIGNATURES:
        raise MalformedInput(f"more than {MOST_SUBSIGNATURES} subsignatures")
    target = description.target
    parsed = tuple(parse_subsignature(text, index, target) for index, text in enumerate(subsignatures))
    return LogicalSignature(about(name, place), description, expression, parsed, potentially_unwanted)
