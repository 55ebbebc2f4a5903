"""Expressions for bodies that have no literal of any length: whole pieces of them, wildcards and all."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from freehold.model.body import Body, Bytes, Choice, Edge, Element, Gap

WIDEST = 56
"""Bytes that an expression spans."""

_EXACT_BITS = 6.0
_EXACT = re.compile(rb"\\x[0-9a-f]{2}(?![0-9a-f]*\])")
_NIBBLE_BITS = 3.0


class _Piece(NamedTuple):
    """A part of an expression: how wide it is at most, and how many bits it is worth."""

    regex: bytes
    width: int
    bits: float


def weak_expression(body: Body) -> tuple[bytes, float]:
    """Return the piece of a body that is worth most bits, as an expression (``.`` is any byte), and how many.

    It ends within a part, never within a gap.
    """
    pieces = list(_pieces(body.parts[0].elements))
    for gap, part in zip(body.gaps, body.parts[1:], strict=True):
        pieces.append(_gap(gap))
        pieces += _pieces(part.elements)
    best = b"", 0.0
    for start in range(len(pieces)):
        width, bits = 0, 0.0
        for end in range(start, len(pieces)):
            width += pieces[end].width
            bits += pieces[end].bits
            if width > WIDEST:
                break
            if bits > best[1]:
                best = b"".join(piece.regex for piece in pieces[start : end + 1]), bits
    return best


def expression_bits(regex: bytes) -> float:
    """Return roughly how many bits such an expression is worth: what its exact bytes are."""
    return _EXACT_BITS * len(_EXACT.findall(regex))


def _pieces(elements: Sequence[Element]) -> Iterator[_Piece]:
    for element in elements:
        if isinstance(element, Bytes):
            mask = element.mask or b"\xff" * len(element.value)
            for value, care in zip(element.value, mask, strict=True):
                yield _byte(value, care)
        elif isinstance(element, Choice):
            yield _choice(element)
        elif element.kind is Edge.LINE and not element.negated:
            yield _Piece(rb"(?:\n|\r\n)", 2, _EXACT_BITS)
        else:
            yield _Piece(b".", 1, 0.0)


def _gap(gap: Gap) -> _Piece:
    if gap.maximum is None or gap.maximum > WIDEST:
        return _Piece(b"", WIDEST + 1, 0.0)
    return _Piece(b".{%d,%d}" % (gap.minimum, gap.maximum), gap.maximum, 0.0)


def _byte(value: int, mask: int) -> _Piece:
    if mask == 0xFF:
        return _Piece(b"\\x%02x" % value, 1, _EXACT_BITS)
    if not mask:
        return _Piece(b".", 1, 0.0)
    members = b"".join(b"\\x%02x" % byte for byte in range(256) if byte & mask == value)
    return _Piece(b"[%b]" % members, 1, _NIBBLE_BITS)


def _choice(choice: Choice) -> _Piece:
    options = [list(_pieces(option)) for option in choice.options]
    width = max(sum(piece.width for piece in option) for option in options)
    if choice.negated:
        return _Piece(b".{%d}" % width, width, 0.0)
    regex = b"|".join(b"".join(piece.regex for piece in option) for option in options)
    bits = min(sum(piece.bits for piece in option) for option in options) - len(options).bit_length()
    return _Piece(b"(?:%b)" % regex, width, max(bits, 0.0))
