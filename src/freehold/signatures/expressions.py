"""What must be known of a regular expression before windows of a file are searched: how long its matches are."""

import re
from dataclasses import dataclass

import hyperscan

from freehold.model.errors import MalformedInput
from freehold.model.signature import Expression

LONGEST = 2048
"""The longest match, in bytes, that an expression may have; windows of large files overlap by as much."""

_SURROUNDINGS = re.compile(rb"\\[bBAzZG]|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|[$^]|\(\?[a-z]*m", re.DOTALL)
_LITERAL = re.compile(rb"(?:\\x[0-9a-fA-F]{2}|[^\\^$.|?*+()\[\]{}]|\\[^0-9A-Za-z])+", re.DOTALL)
_AT_MOST = re.compile(r"can only produce matches of length (\d+) bytes at most")
_AT_LEAST = re.compile(r"requires (\d+) bytes to match")


@dataclass(frozen=True, slots=True)
class Shape:
    """An expression, measured.

    Attributes:
        regex: as Hyperscan takes it: without NUL bytes.
        flags: Hyperscan's.
        shortest: length of its shortest match in bytes.
        longest: length of its longest match in bytes.
        anchored: whether it looks at its surroundings (``^``, ``$``, word boundaries).
    """

    regex: bytes
    flags: int
    shortest: int
    longest: int
    anchored: bool


def measure(expression: Expression) -> Shape:
    """Check and measure one expression.

    Raises:
        MalformedInput: it is no regular expression of Hyperscan's, or its matches may be empty or too long.
    """
    regex = expression.regex.replace(b"\0", rb"\x00")
    anchored = any(_is_anchor(token) for token in _SURROUNDINGS.findall(regex))
    flags = hyperscan.HS_FLAG_DOTALL if expression.dotall else 0
    if expression.nocase:
        flags |= hyperscan.HS_FLAG_CASELESS
    if _LITERAL.fullmatch(regex):
        shortest = longest = len(re.sub(rb"\\x..|\\.", b"x", regex, flags=re.DOTALL))
    else:
        longest = _bound(regex, flags, (hyperscan.HS_EXT_FLAG_MIN_LENGTH, 0, 0, LONGEST + 1, 0, 0), _AT_MOST)
        shortest = _bound(regex, flags, (hyperscan.HS_EXT_FLAG_MAX_OFFSET, 0, 0, 0, 0, 0), _AT_LEAST)
    if longest > LONGEST:
        raise MalformedInput(f"its matches can be longer than {LONGEST} bytes")
    return Shape(regex, flags, shortest, longest, anchored)


def compile_database(regexes: list[bytes], flags: list[int]) -> hyperscan.Database:
    """Compile expressions, numbered from 0, for scans of blocks; raises ``MalformedInput``."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=regexes, ids=list(range(len(regexes))), flags=flags)
    except hyperscan.error as error:
        raise MalformedInput(f"Hyperscan refuses an expression: {error}") from error
    return database


def _bound(regex: bytes, flags: int, impossible: tuple[int, int, int, int, int, int], answer: re.Pattern[str]) -> int:
    """Ask Hyperscan for a bound by demanding what cannot be: its refusal states the bound.

    (Its binding does not offer ``hs_expression_info``.) When it does not refuse, there is no such bound.
    """
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=[regex], ids=[0], flags=[flags], ext=[impossible])
    except hyperscan.error as error:
        match = answer.search(str(error))
        if match is None:
            raise MalformedInput(f"Hyperscan refuses it: {error}") from error
        return int(match[1])
    return LONGEST + 1


def _is_anchor(token: bytes) -> bool:
    return token in {b"^", b"$"} or token.startswith(b"(?") or token[1:] in {b"b", b"B", b"A", b"z", b"Z", b"G"}
