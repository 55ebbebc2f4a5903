"""Signatures in words, as text for people and as objects for programs."""

from collections.abc import Iterator
from typing import Any

from freehold.responses.wording import printable
from freehold.signatures.describe.values import Described, Part, Piece

_LONGEST_HEX = 64
"""Bytes of a piece that the text shows; the object has them all."""


def described_lines(described: Described) -> Iterator[str]:
    """Yield a signature for people, line by line."""
    yield f"{printable(described.name)}  ({described.kind})"
    yield f"  {'from':<18}{printable(described.source)}"
    for label, words in described.facts:
        yield f"  {printable(label):<18}{printable(words)}"
    if described.condition:
        yield f"  {'matches when':<18}{described.condition}"
    for part in described.parts:
        yield from _part_lines(part)


def _part_lines(part: Part) -> Iterator[str]:
    yield f"  {part.label}: {part.kind}" + (f", {part.where}" if part.where else "")
    for piece in part.pieces:
        yield f"       {_piece_text(piece)}"
    yield from (f"     - {note}" for note in part.notes)


def _piece_text(piece: Piece) -> str:
    if piece.options:
        options = (" · ".join(map(_piece_text, option)) or "nothing" for option in piece.options)
        return f"{piece.words}: {' | '.join(options)}"
    if not piece.exact:
        return printable(piece.words)
    digits = piece.exact[:_LONGEST_HEX].hex(" ")
    if len(piece.exact) > _LONGEST_HEX:
        digits += f" … ({len(piece.exact)} bytes)"
    text = f'{piece.words} "{piece.text}"'.lstrip() if piece.text else ""
    return f"{digits}  {text}".rstrip()


def described_object(described: Described) -> dict[str, Any]:
    """Return a signature for programs."""
    return {
        "name": described.name,
        "kind": described.kind,
        "source": described.source,
        "facts": dict(described.facts),
        "condition": described.condition,
        "parts": [
            {
                "label": part.label,
                "kind": part.kind,
                "where": part.where,
                "notes": list(part.notes),
                "pieces": [_piece_object(piece) for piece in part.pieces],
            }
            for part in described.parts
        ],
    }


def _piece_object(piece: Piece) -> dict[str, Any]:
    if piece.options:
        return {"words": piece.words, "options": [[_piece_object(one) for one in option] for option in piece.options]}
    if not piece.exact:
        return {"words": piece.words}
    return {"hex": piece.exact.hex(), "text": piece.text} | ({"words": piece.words} if piece.words else {})
