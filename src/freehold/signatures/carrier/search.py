"""Looks for bodies wherever they could be in content that was made, without regard to their places.

It finds too much rather than too little: offsets, boundaries and neighbours are passed over. It tells whether what was
taken out of a carrier stands there all the same.
"""

import re
from collections.abc import Iterator, Sequence

from freehold.model.body import Body, Bytes, Choice, Edge, Element


def occurrences(forms: Sequence[Body], content: bytes, enough: int) -> int:
    """Return how often a body may occur in any of its forms, but no more than ``enough``."""
    return min(enough, sum(_count(list(_segments(body)), content, enough) for body in forms))


def _segments(body: Body) -> Iterator[re.Pattern[bytes]]:
    """Yield what stands between gaps without a maximum."""
    flags = re.DOTALL | (re.IGNORECASE if body.nocase else re.NOFLAG)
    regex = _sequence(body.parts[0].elements)
    for gap, part in zip(body.gaps, body.parts[1:], strict=True):
        if gap.maximum is None:
            yield re.compile(regex, flags)
            regex = b".{%d}" % gap.minimum
        else:
            regex += b".{%d,%d}?" % (gap.minimum, gap.maximum)
        regex += _sequence(part.elements)
    yield re.compile(regex, flags)


def _count(segments: list[re.Pattern[bytes]], content: bytes, enough: int) -> int:
    """Count the last segment behind the earliest occurrences of all others."""
    position = count = 0
    for segment in segments[:-1]:
        found = segment.search(content, position)
        if found is None:
            return 0
        position = found.end()
    while count < enough and (found := segments[-1].search(content, position)):
        count += 1
        position = found.start() + 1
    return count


def _sequence(elements: Sequence[Element]) -> bytes:
    return b"".join(map(_element, elements))


def _element(element: Element) -> bytes:
    if isinstance(element, Bytes):
        mask = element.mask or b"\xff" * len(element.value)
        return b"".join(map(_byte, element.value, mask))
    if isinstance(element, Choice):
        if not element.negated:
            return b"(?:%b)" % b"|".join(map(_sequence, element.options))
        return b".{%d}" % sum(len(run.value) for run in element.options[0] if isinstance(run, Bytes))
    return b"(?:\r\n|.)" if element.kind is Edge.LINE else b"."


def _byte(value: int, mask: int) -> bytes:
    if mask == 0xFF:
        return b"\\x%02x" % value
    if not mask:
        return b"."
    return b"[%b]" % b"".join(b"\\x%02x" % byte for byte in range(256) if byte & mask == value)
