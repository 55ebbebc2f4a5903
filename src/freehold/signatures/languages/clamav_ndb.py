"""ClamAV's body signatures: ``Name:Target:Offset:Pattern[:Level[:Level]]`` (.ndb, .ndu), ``Name=Pattern`` (.db)."""

from collections.abc import Iterator

from freehold.model.body import ANYWHERE, Anchor, Bytes, Offset
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.logical import BodyMatch, Leaf, TargetDescription
from freehold.model.signature import LogicalSignature, Rejected
from freehold.signatures.clamav.body import parse_body
from freehold.signatures.clamav.description import parse_target
from freehold.signatures.clamav.lines import LONGEST_LINE, about, check_levels, parse_lines
from freehold.signatures.clamav.offsets import parse_offset

SHORTEST_PLAIN = 3
"""Bytes of a pattern without any wildcard for the target ``ANY``, and at one fixed place for ``PE``."""


class ClamavNdb:
    """The language of ``.ndb`` files, of ``.ndu`` for potentially unwanted programs, and of old ``.db`` files."""

    name = "clamav-ndb"
    suffixes = frozenset({".ndb", ".ndu", ".db"})

    def parse(self, text: bytes, source: str) -> Iterator[LogicalSignature | Rejected]:
        """See ``SignatureLanguage.parse``."""
        if source.lower().endswith(".db"):
            return parse_lines(text, source, LONGEST_LINE, _parse_old_line)
        unwanted = source.lower().endswith(".ndu")
        return parse_lines(text, source, LONGEST_LINE, lambda line, place: parse_line(line, place, unwanted))


LANGUAGE = ClamavNdb()


def parse_line(line: str, place: str, potentially_unwanted: bool = False) -> LogicalSignature:
    """Read one body signature; raises ``MalformedInput``."""
    fields = line.split(":")
    if not 4 <= len(fields) <= 6:
        raise MalformedInput(f"{len(fields)} fields; a body signature has four to six")
    name, target_text, offset_text, pattern, *levels = fields
    if levels:
        check_levels(*levels)
    target = Target.ANY if target_text == "*" else parse_target(target_text)
    body = _body(pattern, target, parse_offset(offset_text, target))
    return LogicalSignature(about(name, place), TargetDescription(target), Leaf(0), (body,), potentially_unwanted)


def _parse_old_line(line: str, place: str) -> LogicalSignature:
    name, equals, pattern = line.partition("=")
    if not equals:
        raise MalformedInput("a line needs the form Name=Pattern")
    if pattern.startswith("="):
        raise MalformedInput("the pattern begins with '='; it is meant for another program")
    body = _body(pattern, Target.ANY, ANYWHERE)
    return LogicalSignature(about(name, place), TargetDescription(Target.ANY), Leaf(0), (body,))


def _is_plain(target: Target, offset: Offset) -> bool:
    """Whether ClamAV looks for exact bytes there in a way that needs three of them."""
    if target is Target.PE:
        return offset.anchor not in {Anchor.ANY, Anchor.VERSION_INFO, Anchor.MACRO} and not offset.shift
    return target is Target.ANY and offset.anchor is not Anchor.MACRO


def _body(pattern: str, target: Target, offset: Offset) -> BodyMatch:
    forms = parse_body(pattern)
    if _is_plain(target, offset) and len(forms[0].parts) == 1:
        match forms[0].parts[0].elements:
            case (Bytes(value, b""),) if len(value) < SHORTEST_PLAIN:
                raise MalformedInput(f"the pattern is shorter than {SHORTEST_PLAIN} bytes")
    return BodyMatch(forms, offset)
