"""ClamAV's certificates (.crb) and the security catalogues that they vouch for (.cat).

``.crb``: ``Name;Trusted;Subject;Serial;Pubkey;Exponent;CodeSign;TimeSign;CertSign;NotBefore;Comment[;min[;max]]``.
Subject and serial are SHA-1 digests of what stands in the certificate, the key is its modulus in hexadecimal digits. As
in ClamAV, the exponent is always 65,537, and neither its field nor the comment is looked at.
``.cat``: a catalogue as Windows has them, whole.
"""

import re
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.pki.trust import Purposes, Rule
from freehold.model.signature import About, CertificateRule, Rejected, SecurityCatalogue
from freehold.signatures.clamav.lines import LONGEST_LINE, about, check_levels, number, parse_lines

_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_MODULUS = re.compile(r"[0-9a-fA-F]{1,2048}")
_UNNAMED = "(unnamed CRB rule)"


class ClamavCrb:
    """The language of ``.crb`` and ``.cat`` files."""

    name = "clamav-crb"
    suffixes = frozenset({".cat", ".crb"})

    def parse(self, text: bytes, source: str) -> Iterator[CertificateRule | SecurityCatalogue | Rejected]:
        """See ``SignatureLanguage.parse``."""
        if source.lower().endswith(".cat"):
            yield SecurityCatalogue(About(source, f"{source}:1"), text)
            return
        yield from parse_lines(text, source, LONGEST_LINE, _parse_rule)


LANGUAGE = ClamavCrb()


def _parse_rule(line: str, place: str) -> CertificateRule:
    fields = line.split(";")
    if not 11 <= len(fields) <= 13:
        raise MalformedInput(f"{len(fields)} fields; a certificate has eleven to thirteen")
    name, trusted, subject, serial, modulus, _, code, time, certificates, since = fields[:10]
    if levels := fields[11:]:
        check_levels(*levels)
    if _SHA1.fullmatch(subject) is None or (serial and _SHA1.fullmatch(serial) is None):
        raise MalformedInput("subject and serial number must be SHA-1 digests")
    if _MODULUS.fullmatch(modulus) is None:
        raise MalformedInput("the public key is no hexadecimal number of up to 8,192 bits")
    rule = Rule(
        trusted=_flag(trusted, "trusted"),
        subject=bytes.fromhex(subject),
        serial=bytes.fromhex(serial) if serial else None,
        modulus=int(modulus, 16),
        purposes=Purposes(_flag(code, "CodeSign"), _flag(time, "TimeSign"), _flag(certificates, "CertSign")),
        since=number(since, "the first day") if since else 0,
    )
    return CertificateRule(about(name or _UNNAMED, place), rule)


def _flag(text: str, what: str) -> bool:
    if text[:1] not in {"0", "1"}:
        raise MalformedInput(f"{what} is {text[:20]!r}; 0 or 1 is expected")
    return text[0] == "1"
