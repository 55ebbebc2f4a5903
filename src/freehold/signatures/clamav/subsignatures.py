"""Subsignatures of a logical signature: bodies, regular expressions, byte comparisons, image hashes, macros."""

import re

from freehold.model.body import ANYWHERE
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Comparison,
    ImageHash,
    MacroMatch,
    Radix,
    RegexMatch,
    Relation,
    Subsignature,
)
from freehold.signatures.clamav.body import parse_body
from freehold.signatures.clamav.expression import MOST_SUBSIGNATURES, parse_expression
from freehold.signatures.clamav.offsets import MACRO_GROUPS, parse_offset

REGEX_FLAGS = "ismxAEUgre"
"""Flags of regular expressions, in the order in which they are kept."""

LONGEST_HEXADECIMAL = 18
"""Bytes of a hexadecimal number in a byte comparison."""

_MACRO = re.compile(r"\$\{(\d{1,9})-(\d{1,9})\}(\d{1,9})\$")
_IMAGE = re.compile(r"fuzzy_img#([0-9a-fA-F]{16})(?:#(\d{1,9}))?")
_COMPARISON = re.compile(
    r"(?P<reference>\d{1,3})\((?P<sign>>>|<<|0?)(?P<offset>[0-9a-fA-FxX]*)#(?P<options>[hdailbe]*)"
    r"(?P<length>[0-9a-fA-FxX]+)#(?P<comparisons>[^,)]*(?:,[^,)]*)?)\)"
)
_RELATION = re.compile(r"([<>=])(-?(?:0[xX][0-9a-fA-F]{1,16}|\d{1,20}))")


def split(text: str, delimiter: str, plain: int = 0) -> list[str]:
    """Split at ``delimiter``, but not within ``/regular expressions/`` from field ``plain`` on."""
    if "/" not in text:
        return text.split(delimiter)
    fields = []
    start = 0
    inside = False
    for match in re.finditer(f"[/{delimiter}]", text):
        position = match.start()
        if match[0] != "/":
            if not inside:
                fields.append(text[start:position])
                start = position + 1
        elif len(fields) >= plain and position and text[position - 1] != "\\":
            inside = not inside
    fields.append(text[start:])
    return fields


def parse_subsignature(text: str, index: int, target: Target) -> Subsignature:
    """Read subsignature number ``index``; raises ``MalformedInput``."""
    if text.startswith("$"):
        return _macro(text)
    if "/" in text:
        return _regex(text, index, target)
    if "(" in text and text.count("#") >= 2:
        return _byte_comparison(text)
    if text.startswith("fuzzy_img#"):
        return _image(text)
    return _body(text, target)


def _body(text: str, target: Target) -> BodyMatch:
    if ":" not in text:
        return BodyMatch(parse_body(text))
    fields = text.split(":", 5)
    if len(fields) == 2:
        return BodyMatch(parse_body(fields[1]), parse_offset(fields[0], target))
    if len(fields) == 3:
        return BodyMatch(parse_body(fields[0], fields[2]))
    if len(fields) == 4:
        return BodyMatch(parse_body(fields[1], fields[3]), parse_offset(fields[0], target))
    return BodyMatch(parse_body(fields[0]))  # as ClamAV does: what follows the first of five fields is lost


def _regex(text: str, index: int, target: Target) -> RegexMatch:
    fields = split(text, ":")
    offset = parse_offset(fields[0], target) if len(fields) == 2 else ANYWHERE
    trigger, opening, rest = fields[1 if len(fields) == 2 else 0].partition("/")
    regex, closing, flags = rest.rpartition("/")
    if not opening or not closing or not regex:
        raise MalformedInput("the regular expression is empty or has no end")
    if not trigger:
        raise MalformedInput("the regular expression has no trigger")
    expression, highest = parse_expression(trigger)
    if highest >= index:
        raise MalformedInput(f"the trigger {trigger!r} asks for a subsignature that does not come before {index}")
    if unknown := set(flags) - set(REGEX_FLAGS):
        raise MalformedInput(f"unknown flag {min(unknown)!r}")
    kept = "".join(flag for flag in REGEX_FLAGS if flag in flags)
    return RegexMatch(expression, regex.encode("utf-8", "surrogateescape"), kept, offset)


def _macro(text: str) -> MacroMatch:
    match = _MACRO.fullmatch(text)
    if match is None or int(match[3]) >= MACRO_GROUPS:
        raise MalformedInput(f"{text!r} is no macro")
    return MacroMatch(int(match[1]), int(match[2]), int(match[3]))


def _image(text: str) -> ImageHash:
    match = _IMAGE.fullmatch(text)
    if match is None:
        raise MalformedInput(f"{text!r} is no image hash")
    if distance := int(match[2] or 0):
        raise MalformedInput(f"image hashes are compared exactly; a distance of {distance} is not supported")
    return ImageHash(bytes.fromhex(match[1]))


def _byte_comparison(text: str) -> ByteComparison:
    match = _COMPARISON.match(text)
    if match is None or int(match["reference"]) > MOST_SUBSIGNATURES:
        raise MalformedInput(f"{text[:80]!r} is no byte comparison")
    length = _c_number(match["length"])
    radix, little_endian = _number_format(match["options"], length)
    comparisons = []
    for comparison in match["comparisons"].split(","):
        relation = _RELATION.fullmatch(comparison)
        if relation is None:
            raise MalformedInput(f"{comparison!r} is no comparison")
        comparisons.append(Comparison(Relation(relation[1]), _c_number(relation[2])))
    offset = _c_number(match["offset"]) if match["sign"] in {">>", "<<"} else 0
    return ByteComparison(
        int(match["reference"]),
        -offset if match["sign"] == "<<" else offset,
        radix,
        little_endian,
        "e" in match["options"],
        length,
        tuple(comparisons),
    )


def _number_format(options: str, length: int) -> tuple[Radix, bool]:
    radixes = set(options) & set("hdai")
    orders = set(options) & set("lb")
    if len(radixes) != 1 or len(orders) > 1 or (orders == {"l"} and "d" in radixes):
        raise MalformedInput(f"{options!r} does not say how the number is written")
    radix = Radix(radixes.pop())
    if not orders and radix is not Radix.DECIMAL:
        raise MalformedInput("a byte comparison without a byte order never holds")
    if radix is Radix.BINARY and length not in {1, 2, 4, 8}:
        raise MalformedInput(f"a binary number cannot have {length} bytes")
    if not length or (radix is Radix.HEXADECIMAL and length > LONGEST_HEXADECIMAL):
        raise MalformedInput(f"a number cannot have {length} bytes")
    return radix, orders == {"l"}


def _c_number(text: str) -> int:
    """Read a number as the C language writes it: 0x hexadecimal, 0 octal, else decimal."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    base = 16 if digits[:2] in {"0x", "0X"} else 8 if digits.startswith("0") else 10
    try:
        return sign * int(digits or "0", base)
    except ValueError as error:
        raise MalformedInput(f"{text!r} is no number") from error
