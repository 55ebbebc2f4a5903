"""Offsets: ``*``, ``120``, ``EOF-64``, ``EP+0``, ``S2+16``, ``SE1``, ``SL+8``, ``VI``, ``$7$``; ``,shift``."""

import re
from functools import lru_cache

from freehold.model.body import ANYWHERE, Anchor, Offset
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.signatures.clamav.lines import number

LONGEST = 64
"""Characters of an offset."""

MACRO_GROUPS = 32
"""How many groups of macros there are."""

PROGRAMS = frozenset({Target.PE, Target.ELF, Target.MACHO})
"""Targets that have an entry point and sections."""

_OFFSET = re.compile(
    r"(?:EP(?P<entry>[+-]\d*)|EOF-(?P<end>\d*)|SL\+(?P<last>\d*)|SE(?P<extent>\d*)|S(?P<section>\d+)\+(?P<within>\d+)"
    r"|(?P<version>VI)|\$(?P<macro>\d+)\$?|(?P<start>\d*))(?:,(?P<shift>\d*))?"
)


@lru_cache(maxsize=4096)
def parse_offset(text: str, target: Target) -> Offset:
    """Read an offset; raises ``MalformedInput`` when it makes no sense or not for this target.

    A missing number is 0, as in ClamAV.
    """
    if text == "*":
        return ANYWHERE
    match = _OFFSET.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise MalformedInput(f"{text!r} is no offset")
    offset = _offset(match)
    if offset.anchor not in {Anchor.START, Anchor.END, Anchor.MACRO} and target not in PROGRAMS:
        raise MalformedInput(f"offset {text!r} needs a program; the target is {target.name}")
    return offset


def _offset(match: re.Match[str]) -> Offset:
    kind = (
        match.lastgroup
        if match.lastgroup != "shift"
        else next(k for k, v in match.groupdict().items() if v is not None)
    )
    shift = _number(match["shift"] or "")
    if kind == "entry":
        value = _number(match["entry"][1:])
        return Offset(Anchor.ENTRY, -value if match["entry"][0] == "-" else value, shift)
    if kind == "end":
        return Offset(Anchor.END, -_number(match["end"]), shift)
    if kind == "last":
        return Offset(Anchor.LAST_SECTION, _number(match["last"]), shift)
    if kind == "extent":
        return Offset(Anchor.SECTION_EXTENT, 0, shift, _number(match["extent"]))
    if kind in {"section", "within"}:
        return Offset(Anchor.SECTION, _number(match["within"]), shift, _number(match["section"]))
    return _simple_offset(kind, match, shift)


def _simple_offset(kind: str | None, match: re.Match[str], shift: int) -> Offset:
    if kind == "version":
        return Offset(Anchor.VERSION_INFO)
    if kind == "macro":
        group = _number(match["macro"])
        if group >= MACRO_GROUPS:
            raise MalformedInput(f"macro group {group} is above {MACRO_GROUPS - 1}")
        return Offset(Anchor.MACRO, number=group)
    return Offset(Anchor.START, _number(match["start"] or ""), shift)


def _number(digits: str) -> int:
    return number(digits, "the offset") if digits else 0
