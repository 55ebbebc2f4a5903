"""ClamAV's lists of what not to report: allowed content (.fp, .sfp) and ignored signatures (.ign, .ign2)."""

import re
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.signature import AllowedContent, IgnoredSignature, Rejected
from freehold.signatures.clamav.digests import parse_digest
from freehold.signatures.clamav.lines import LONGEST_LINE, about, parse_lines

_MD5 = re.compile(r"[0-9a-fA-F]{32}")


class ClamavLists:
    """The language of ``.fp`` and ``.sfp`` (``digest:size:name``), ``.ign2`` (``name[:md5]``), ``.ign``."""

    name = "clamav-lists"
    suffixes = frozenset({".fp", ".sfp", ".ign", ".ign2"})

    def parse(self, text: bytes, source: str) -> Iterator[AllowedContent | IgnoredSignature | Rejected]:
        """See ``SignatureLanguage.parse``."""
        if source.lower().endswith((".ign", ".ign2")):
            return parse_lines(text, source, LONGEST_LINE, _parse_ignored)
        return parse_lines(text, source, LONGEST_LINE, _parse_allowed)


LANGUAGE = ClamavLists()


def _parse_allowed(line: str, place: str) -> AllowedContent:
    entry = parse_digest(line)
    return AllowedContent(about(entry.name, place), entry.algorithm, entry.digest, entry.size)


def _parse_ignored(line: str, place: str) -> IgnoredSignature:
    fields = line.split(":")
    if len(fields) > 3:
        raise MalformedInput(f"{len(fields)} fields; at most three are expected")
    name = fields[2] if len(fields) == 3 else fields[0]  # with three fields: database:line:name, the old form
    if not name:
        raise MalformedInput("no signature is named")
    if len(fields) != 2:
        return IgnoredSignature(place, name)
    if _MD5.fullmatch(fields[1]) is None:
        raise MalformedInput(f"{fields[1][:80]!r} is no MD5")
    return IgnoredSignature(place, name, bytes.fromhex(fields[1]))
