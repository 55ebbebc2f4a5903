"""ClamAV's icons: ``Name:Group1:Group2:Metrics`` (.idb).

An icon is reported by nothing of itself: logical signatures ask for a program with an icon of a group.
"""

import re
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.icon import DIGITS, SIDES, Areas, IconMetrics, read_metrics
from freehold.model.signature import IconSignature, Rejected
from freehold.signatures.clamav.lines import LONGEST_LINE, about, parse_lines

_DIGITS = re.compile(rf"[0-9a-fA-F]{{{DIGITS}}}")
_BRIGHTEST_COLOR = 4_072
_LARGEST_SPREAD = 103


class ClamavIdb:
    """The language of ``.idb`` files."""

    name = "clamav-idb"
    suffixes = frozenset({".idb"})

    def parse(self, text: bytes, source: str) -> Iterator[IconSignature | Rejected]:
        """See ``SignatureLanguage.parse``."""
        return parse_lines(text, source, LONGEST_LINE, parse_line)


LANGUAGE = ClamavIdb()


def parse_line(line: str, place: str) -> IconSignature:
    """Read one icon; raises ``MalformedInput``."""
    fields = line.split(":")
    if len(fields) != 4:
        raise MalformedInput(f"{len(fields)} fields; an icon has four")
    name, first, second, digits = fields
    if _DIGITS.fullmatch(digits) is None:
        raise MalformedInput(f"an icon's metrics are {DIGITS} hexadecimal digits")
    metrics = read_metrics(digits)
    _check(metrics)
    return IconSignature(about(name, place), (first, second), metrics)


def _check(metrics: IconMetrics) -> None:
    side = metrics.side
    if side not in SIDES:
        raise MalformedInput(f"an icon's side has {side} pixels; 16, 24 or 32 are expected")
    for name in ("color", "gray", "bright", "dark", "edge", "noedge"):
        areas: Areas = getattr(metrics, name)
        for area in areas:
            if area.average > _BRIGHTEST_COLOR:
                raise MalformedInput(f"a {name} average is {area.average}; {_BRIGHTEST_COLOR} is the most")
            if max(area.x, area.y) > side - side // 8:
                raise MalformedInput(f"a {name} area at {area.x},{area.y} lies outside of the icon")
    if metrics.red + metrics.green + metrics.blue > _LARGEST_SPREAD or metrics.colored > 100:
        raise MalformedInput("the colours of an icon are more than all of it")
