"""One signature per line: a bad line costs itself alone. Besides, the fields that all languages have."""

import io
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from freehold.model.errors import MalformedInput
from freehold.model.report import Verdict
from freehold.model.signature import About, Rejected

FUNCTIONALITY_LEVEL = 216
"""The level of ClamAV whose signatures are understood (1.4.6); a signature may ask for a range of levels."""

LONGEST_LINE = 8_191
"""Bytes of a line in all files but logical signatures."""

LONGEST_LOGICAL_LINE = 32_768
"""Bytes of a line with a logical signature."""

_NUMBER = re.compile(r"\d{1,10}")
_NAME_ENDS = " (Clam)"
_CATEGORIES = {"PUA.": "pua", "Heuristics.": "heuristic", "BC.Heuristics.": "heuristic"}
"""By the beginnings of names: what is only potentially unwanted."""

T = TypeVar("T")


def lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) for every line that is neither empty nor a comment, without its end."""
    for number, line in enumerate(io.BytesIO(text), 1):
        bare = line.rstrip(b"\r\n")
        if bare and not bare.startswith(b"#"):
            yield number, bare


def parse_lines(text: bytes, source: str, longest: int, parse: Callable[[str, str], T]) -> Iterator[T | Rejected]:
    """Yield what ``parse`` makes of each line, a ``Rejected`` for each that it raises ``MalformedInput`` for.

    ``parse`` takes the line and its place (``main.ldb:17``).
    """
    for number, line in lines(text):
        if len(line) > longest:
            yield Rejected(source, number, f"the line has {len(line)} bytes; {longest} are allowed")
            continue
        try:
            yield parse(line.decode("utf-8", "surrogateescape"), f"{source}:{number}")
        except MalformedInput as error:
            yield Rejected(source, number, str(error))


def about(name: str, place: str) -> About:
    """Make a signature's identity; raises ``MalformedInput`` without a name.

    What is only potentially unwanted is suspicious, so that an examination goes on to what is worse.
    """
    name = name.partition(_NAME_ENDS)[0]
    if not name:
        raise MalformedInput("the signature has no name")
    for beginning, category in _CATEGORIES.items():
        if name.startswith(beginning):
            return About(name, place, category, Verdict.SUSPICIOUS)
    return About(name, place)


def number(text: str, what: str) -> int:
    """Read a decimal number below 2^32; raises ``MalformedInput`` that names ``what`` was expected."""
    if _NUMBER.fullmatch(text) is None or (value := int(text)) >= 1 << 32:
        raise MalformedInput(f"{what} is {text!r}; a number below 2^32 is expected")
    return value


def check_levels(minimum: str, maximum: str = "") -> None:
    """Raise ``MalformedInput`` unless a signature is meant for this functionality level; empty means no bound."""
    if minimum and (least := number(minimum, "the minimum functionality level")) > FUNCTIONALITY_LEVEL:
        raise MalformedInput(f"it needs functionality level {least}; this is {FUNCTIONALITY_LEVEL}")
    if maximum and (most := number(maximum, "the maximum functionality level")) < FUNCTIONALITY_LEVEL:
        raise MalformedInput(f"it is meant for functionality levels up to {most}; this is {FUNCTIONALITY_LEVEL}")
