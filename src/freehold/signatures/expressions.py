"""Regular expressions of packs: checked, measured, and turned into what Hyperscan looks for."""

import re
from typing import NamedTuple

import hyperscan
import pcre2

from freehold.model.errors import MalformedInput
from freehold.model.signature import Expression
from freehold.signatures.literals import required, width

LONGEST = 2048
"""The longest match, in bytes, that an expression may have; windows of large files overlap by as much."""

_FOREIGN = re.compile(rb"\[\^?\[:|\\[1-9pPXRhHvVKQEN]|\(\?(?:[=!|]|<|P)")
"""What Hyperscan, PCRE and Python read differently, or what not all of them know."""


class Needle(NamedTuple):
    """What Hyperscan looks for: content without it cannot match the expression that it stands for."""

    regex: bytes
    flags: int


class Shape(NamedTuple):
    """An expression, measured.

    Attributes:
        needles: at least one of them occurs in every match.
        regex: as PCRE takes it.
        flags: PCRE's, see ``bundle.rules``.
        longest: length of its longest match in bytes.
    """

    needles: tuple[Needle, ...]
    regex: bytes
    flags: int
    longest: int


def measure(expression: Expression) -> Shape:
    """Check and measure one expression.

    Raises:
        MalformedInput: it is no regular expression that both Hyperscan and PCRE take, or its matches may be empty or
            too long.
    """
    regex = expression.regex.replace(b"\0", rb"\x00")
    if foreign := _FOREIGN.search(regex.replace(rb"\\", b"")):
        raise MalformedInput(f"{foreign[0].decode('latin-1')} is not supported")
    flags = (pcre2.DOTALL if expression.dotall else 0) | (pcre2.IGNORECASE if expression.nocase else 0)
    try:
        shortest, longest = width(regex)
        literals = required(regex)
        pcre2.compile(regex, flags, jit=False)
    except (re.error, pcre2.PatternError, OverflowError, RecursionError) as error:
        raise MalformedInput(f"it is no regular expression: {error}") from error
    if not shortest:
        raise MalformedInput("its matches can be empty")
    if longest > LONGEST:
        raise MalformedInput(f"its matches can be longer than {LONGEST} bytes")
    caseless = hyperscan.HS_FLAG_CASELESS if expression.nocase or b"(?i" in regex else 0
    needles = tuple(Needle(_escaped(literal), caseless) for literal in sorted(literals))
    return Shape(needles or (_whole(regex, flags),), regex, int(flags), longest)


def compile_database(needles: list[Needle]) -> hyperscan.Database:
    """Compile needles, numbered from 0, for scans of blocks that tell once which of them occur."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = [needle.flags | hyperscan.HS_FLAG_SINGLEMATCH for needle in needles]
    try:
        database.compile(expressions=[n.regex for n in needles], ids=list(range(len(needles))), flags=flags)
    except hyperscan.error as error:
        raise MalformedInput(f"Hyperscan refuses an expression: {error}") from error
    return database


def _whole(regex: bytes, flags: int) -> Needle:
    """Let Hyperscan look for an expression as it is, because it has no literal."""
    caseless = hyperscan.HS_FLAG_CASELESS if flags & pcre2.IGNORECASE else 0
    dotall = hyperscan.HS_FLAG_DOTALL if flags & pcre2.DOTALL else 0
    needle = Needle(regex, caseless | dotall)
    compile_database([needle])
    return needle


def _escaped(literal: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in literal)
