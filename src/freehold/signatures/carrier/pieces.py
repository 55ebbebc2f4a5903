"""Bytes that a body matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from freehold.model.body import Body, Bytes, Choice, Edge, Element, Gap, Mark, Neighbour, Part
from freehold.signatures.carrier.errors import CannotCarry

WIDEST_FREE_GAP = 24
"""Bytes that a gap without a maximum gets at most beyond its minimum."""

MOST_GAP_BYTES = 1 << 20
"""Bytes that a gap may need at least."""

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that contain one match.

    Attributes:
        value: all bytes, those included that must stand before the start or behind the end.
        care: as long as ``value``: 1 where the byte matters, 2 where it must be exactly this, 0 where any byte will do.
        lead: how many of the bytes stand before the start of the match.
    """

    value: bytes
    care: bytes
    lead: int

    def changed(self, rng: Random) -> "Piece":
        """Return the piece with one byte that must be exact made another one; there must be such a byte."""
        index = rng.choice([index for index, care in enumerate(self.care) if care == 2])
        value = bytearray(self.value)
        value[index] ^= 0x11
        return Piece(bytes(value), self.care, self.lead)

    def between(self, before: bytes, after: bytes) -> "Piece":
        """Return the piece with bytes before its start and behind its end."""
        care = b"\1" * len(before) + self.care + b"\1" * len(after)
        return Piece(before + self.value + after, care, self.lead + len(before))

    def also(self, offset: int, data: bytes) -> "Piece":
        """Return the piece with bytes that stand so far from its start; raises ``CannotCarry`` when others do."""
        missing = max(0, -(self.lead + offset))
        value, care = bytearray(missing) + self.value, bytearray(missing) + self.care
        at = self.lead + missing + offset
        value += bytes(max(0, at + len(data) - len(value)))
        care += bytes(len(value) - len(care))
        for index, byte in enumerate(data, at):
            if care[index] and value[index] != byte:
                raise CannotCarry("a number stands where something else must stand")
            value[index], care[index] = byte, care[index] or 1
        return Piece(bytes(value), bytes(care), self.lead + missing)


class _Writer:
    __slots__ = ("care", "filler", "nocase", "rng", "value", "wide")

    def __init__(self, rng: Random, filler: bytes, body: Body) -> None:
        self.rng = rng
        self.filler = filler
        self.nocase = body.nocase
        self.wide = body.wide
        self.value = bytearray()
        self.care = bytearray()

    def put(self, data: bytes, care: int = 1) -> None:
        self.value += data
        self.care += bytes([care]) * len(data)

    def fill(self, length: int) -> None:
        self.put(bytes(self.rng.choices(self.filler, k=length)), 0)

    def element(self, element: Element) -> None:
        if isinstance(element, Bytes):
            self.run(element)
        elif isinstance(element, Mark):
            self.put(b"q" if element.negated else b"\n" if element.kind is Edge.LINE else b"-")
        elif element.negated:
            self.put(self.none_of(element))
        else:
            for chosen in self.rng.choice(element.options):
                self.element(chosen)

    def run(self, run: Bytes) -> None:
        mask = run.mask or b"\xff" * len(run.value)
        for wanted, bits in zip(run.value, mask, strict=True):
            if bits == 0xFF:
                letter = self.nocase and bytes([wanted]).isalpha()
                self.put(bytes([wanted ^ 0x20 if letter and self.rng.random() < 0.5 else wanted]), 2)
            elif bits:
                fitting = [byte for byte in self.filler if byte & bits == wanted]
                self.put(
                    bytes([self.rng.choice(fitting) if fitting else wanted | self.rng.randrange(256) & ~bits & 255])
                )
            else:
                self.fill(1)

    def none_of(self, choice: Choice) -> bytes:
        unwanted = {option[0].value for option in choice.options if isinstance(option[0], Bytes)}
        length = len(next(iter(unwanted)))
        for _ in range(_ATTEMPTS):
            candidate = bytes(self.rng.choices(self.filler, k=length))
            if candidate not in unwanted:
                return candidate
        raise CannotCarry("no bytes are found for a negated alternative")

    def mark(self, mark: Mark) -> bytes:
        byte = b"q" if mark.negated else b"\n" if mark.kind is Edge.LINE else b"-"
        return byte + b"\0" if self.wide and mark.kind is Edge.WORD else byte


def make_piece(body: Body, rng: Random, filler: bytes) -> Piece:
    """Return bytes that the body matches once; free bytes are taken from ``filler``. Raises ``CannotCarry``."""
    writer = _Writer(rng, filler, body)
    lead = _before(writer, body.parts[0])
    for element in body.parts[0].elements:
        writer.element(element)
    for gap, part, previous in zip(body.gaps, body.parts[1:], body.parts, strict=False):
        _after(writer, previous, _room(gap, writer, previous, part))
        _before(writer, part)
        for element in part.elements:
            writer.element(element)
    _after(writer, body.parts[-1], 0)
    return Piece(bytes(writer.value), bytes(writer.care), lead)


def _room(gap: Gap, writer: _Writer, previous: Part, part: Part) -> int:
    """Return how many free bytes a gap gets beside those that the parts' own surroundings take."""
    taken = _width_after(previous, writer.wide) + _width_before(part, writer.wide)
    maximum = gap.minimum + WIDEST_FREE_GAP if gap.maximum is None else min(gap.maximum, gap.minimum + WIDEST_FREE_GAP)
    least = max(gap.minimum, taken)
    if maximum < least or gap.minimum > MOST_GAP_BYTES:
        raise CannotCarry("a gap is too narrow or too wide")
    return writer.rng.randint(least, maximum) - taken


def _mark_width(mark: Mark | None, wide: bool) -> int:
    return 0 if mark is None else 2 if wide and mark.kind is Edge.WORD else 1


def _width_before(part: Part, wide: bool) -> int:
    return part.before.minimum + 1 if part.before else _mark_width(part.left, wide)


def _width_after(part: Part, wide: bool) -> int:
    return part.after.minimum + 1 if part.after else _mark_width(part.right, wide)


def _before(writer: _Writer, part: Part) -> int:
    start = len(writer.value)
    if part.before is not None:
        if part.left is not None:
            raise CannotCarry("a boundary and a neighbour on the same side")
        writer.put(bytes([_neighbour_byte(part.before)]))
        writer.fill(part.before.minimum)
    elif part.left is not None:
        writer.put(writer.mark(part.left))
    return len(writer.value) - start


def _after(writer: _Writer, part: Part, room: int) -> None:
    if part.after is not None:
        if part.right is not None:
            raise CannotCarry("a boundary and a neighbour on the same side")
        writer.fill(part.after.minimum)
        writer.put(bytes([_neighbour_byte(part.after)]))
    elif part.right is not None:
        writer.put(writer.mark(part.right))
    writer.fill(room)


def _neighbour_byte(neighbour: Neighbour) -> int:
    return neighbour.value


def only_plain_text(pieces: Sequence[Piece]) -> bool:
    """Whether every byte that matters survives the normalisation of texts."""
    for piece in pieces:
        for byte, care in zip(piece.value, piece.care, strict=True):
            if care and (not 0x20 <= byte < 0x7F or 0x41 <= byte <= 0x5A):
                return False
    return True
