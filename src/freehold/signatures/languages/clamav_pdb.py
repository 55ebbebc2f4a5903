"""ClamAV's lists of displayed addresses: domains that are imitated (.pdb), and pairs that belong together (.wdb).

``.pdb``: ``H:name`` for a host that is shown, ``R:real:shown`` for a pair of expressions. ``.wdb``: ``M:real:shown``
for a pair of hosts, ``X:real:shown`` or ``Y:real:shown`` for expressions. Each may end with levels of functionality,
``:min-max``. ``S1:F:digest``, ``S2:F:…`` and ``S:F:…`` name addresses by hashes of Safe Browsing (.gdb, too), ``S:W:…``
those that are allowed. Expressions are compared with the real address, a colon, the shown one and a slash.
"""

import re
from collections.abc import Iterator
from functools import partial

from freehold.model.errors import MalformedInput
from freehold.model.signature import About, AddressRule, Rejected
from freehold.signatures.clamav.extended import translate
from freehold.signatures.clamav.lines import LONGEST_LINE, check_levels, parse_lines

_LEVELS = re.compile(r":(\d{1,10})-(\d{0,10})\Z")
_KINDS = {".gdb": "HR", ".pdb": "HR", ".wdb": "MXY"}
_SHA256 = re.compile(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{64}")
_ENDS = ("([/?].*)?/", "([/?].*)/")


class ClamavPdb:
    """The language of ``.pdb``, ``.gdb`` and ``.wdb`` files."""

    name = "clamav-pdb"
    suffixes = frozenset(_KINDS)

    def parse(self, text: bytes, source: str) -> Iterator[AddressRule | Rejected]:
        """See ``SignatureLanguage.parse``."""
        return parse_lines(text, source, LONGEST_LINE, partial(_parse, _KINDS[source[-4:].lower()]))


LANGUAGE = ClamavPdb()


def _parse(kinds: str, line: str, place: str) -> AddressRule:
    if found := _LEVELS.search(line):
        check_levels(found[1], found[2])
        line = line[: found.start()]
    kind, colon, text = line.partition(":")
    if not colon or kind[:1] not in (*kinds, "S"):
        raise MalformedInput(f"the line begins with {kind[:20]!r}; one of {', '.join(kinds)} is expected")
    if not text:
        raise MalformedInput("no address is named")
    about = About(text, place)
    if kind[0] == "S":
        return _hashed(about, kind, text)
    if kind[0] in "HM":
        return AddressRule(about, kind[0], text)
    return AddressRule(about, "X" if kind[0] == "Y" else kind[0], translate(_without_path(text + "/")))


def _hashed(about: About, kind: str, text: str) -> AddressRule:
    how, _, digest = text.partition(":")
    if how not in {"F", "P", "W"} or _SHA256.fullmatch(digest) is None:
        raise MalformedInput("a hashed address is F, P or W, a colon, and a SHA-256 digest, of P its beginning")
    if how == "P":
        raise MalformedInput("prefixes of hashes are of no use: ClamAV does not look at them, either")
    return AddressRule(about, "W" if how == "W" else kind[1:2] if kind[1:2] in {"1", "2"} else "0", digest.lower())


def _without_path(expression: str) -> str:
    """Leave out what matches paths at the end: addresses are compared up to their hosts."""
    for end in _ENDS:
        if len(expression) > len(end) + 1 and expression.endswith(end):
            expression = expression[: -len(end)] + "/"
    return expression
