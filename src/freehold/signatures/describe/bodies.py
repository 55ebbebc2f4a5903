"""Byte patterns in pieces: exact bytes, wildcards, alternatives, gaps and boundaries."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from freehold.model.body import Body, Bytes, Choice, Edge, Element, Gap, Mark, Neighbour, Part
from freehold.signatures.describe.numbers import bytes_words, count, listed
from freehold.signatures.describe.values import Piece

_MOST_EXCLUDED = 8
"""Excluded strings that are spelled out."""

_AT = {Edge.SEPARATOR: "a separator", Edge.LINE: "the edge of a line", Edge.WORD: "the edge of a word"}
_CONSUMED = {Edge.SEPARATOR: "a separator", Edge.LINE: "a line's end", Edge.WORD: "a byte that is no letter or digit"}


def body_pieces(body: Body) -> Iterator[Piece]:
    """Yield a body from left to right."""
    for number, part in enumerate(body.parts):
        if number:
            yield _gap(body.gaps[number - 1])
        yield from _part(part)


def exact_piece(data: bytes) -> Piece:
    """Return a piece of exact bytes; what looks like UTF-16 is read as such."""
    if len(data) >= 4 and not any(data[1::2]) and (text := readable(data[::2])):
        return Piece("UTF-16", data, text)
    return Piece(exact=data, text=readable(data))


def readable(data: bytes) -> str:
    """Return bytes as a hex view shows them beside the numbers; "" when fewer than half can be read."""
    letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return letters if sum(0x20 <= byte < 0x7F for byte in data) * 2 >= len(data) > 0 else ""


def _gap(gap: Gap) -> Piece:
    if gap.maximum is None and not gap.minimum:
        return Piece("any number of bytes")
    return Piece(f"{bytes_words(gap.minimum, gap.maximum)} of anything")


def _part(part: Part) -> Iterator[Piece]:
    if part.before is not None:
        yield _neighbour(part.before, "before")
    if part.left is not None:
        yield _edge(part.left)
    yield from _elements(part.elements)
    if part.right is not None:
        yield _edge(part.right)
    if part.after is not None:
        yield _neighbour(part.after, "after")


def _edge(mark: Mark) -> Piece:
    return Piece(f"(not {_AT[mark.kind]})" if mark.negated else f"({_AT[mark.kind]})")


def _neighbour(neighbour: Neighbour, side: str) -> Piece:
    byte = f"{neighbour.value:02x}" if neighbour.mask == 0xFF else _half(neighbour.value, neighbour.mask)
    between = bytes_words(neighbour.minimum, neighbour.maximum)
    return Piece(f"({byte} stands {side} this, with {between} between)")


def _elements(elements: Sequence[Element]) -> Iterator[Piece]:
    for element in elements:
        if isinstance(element, Bytes):
            yield from _bytes(element)
        elif isinstance(element, Mark):
            yield Piece(f"any byte but {_CONSUMED[element.kind]}" if element.negated else _CONSUMED[element.kind])
        elif element.negated:
            yield Piece(_excluded(element))
        else:
            options = tuple(tuple(_elements(option)) for option in element.options)
            yield Piece("one of", options=options)


def _excluded(choice: Choice) -> str:
    runs = [option[0].value for option in choice.options if isinstance(option[0], Bytes)]
    shown = [f'{run.hex(" ")} "{text}"' if (text := readable(run)) else run.hex(" ") for run in runs[:_MOST_EXCLUDED]]
    if len(runs) > _MOST_EXCLUDED:
        shown.append(f"{len(runs) - _MOST_EXCLUDED} more")
    return f"any {count(len(runs[0]), 'byte')} but {listed(shown, 'or')}"


def _bytes(run: Bytes) -> Iterator[Piece]:
    position = 0
    for mask, group in groupby(run.mask or b"\xff" * len(run.value)):
        length = len(list(group))
        value = run.value[position : position + length]
        position += length
        if mask == 0xFF:
            yield exact_piece(value)
        elif not mask:
            yield Piece(f"any {count(length, 'byte')}")
        else:
            yield from (Piece(_half(byte, mask)) for byte in value)


def _half(value: int, mask: int) -> str:
    digits = "".join(f"{value >> shift & 15:x}" if mask >> shift & 15 else "?" for shift in (4, 0))
    return f"a byte {digits}"
