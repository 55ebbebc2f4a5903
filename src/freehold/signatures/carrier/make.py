"""Makes carriers and near misses of a logical signature."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from freehold.model.body import Anchor, Landmarks, Offset
from freehold.model.filetype import Target
from freehold.model.logical import BodyMatch, RegexMatch, Subsignature, TargetDescription
from freehold.model.signature import LogicalSignature
from freehold.signatures.carrier.canvas import Canvas
from freehold.signatures.carrier.counts import wanted_counts
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.pieces import Piece, make_piece, only_plain_text
from freehold.signatures.carrier.programs import build_elf, build_pe
from freehold.signatures.carrier.regexes import make_regex_piece
from freehold.signatures.carrier.shells import BEGINNINGS, BINARY_FILLER, TEXT_FILLER, wrap

FLOATING_FROM = 2_048
"""Where patterns without a place start, so that they do not decide what the file is taken for."""

MOST_PIECES = 2_000
"""How many occurrences of patterns a carrier holds."""

_IN_PROGRAM = frozenset({Anchor.ENTRY, Anchor.SECTION, Anchor.SECTION_EXTENT, Anchor.LAST_SECTION, Anchor.VERSION_INFO})
_TEXTUAL = frozenset({Target.TEXT, Target.HTML, Target.MAIL})


class Kind(StrEnum):
    """How a carrier relates to its signature."""

    MATCH = "match"
    BYTE_CHANGED = "byte changed"
    MISSING = "subsignature missing"
    MOVED = "offset moved"


@dataclass(frozen=True, slots=True)
class Carrier:
    """Content that a signature matches or narrowly misses.

    Attributes:
        kind: what was done to it. A near miss may match all the same, where the signature has other ways to.
        file: the file, with the container that the signature asks for.
        content: what the signature's target looks at: ``file`` itself or the container's member.
        landmarks: where offsets of the content are counted from.
    """

    kind: Kind
    file: bytes
    content: bytes
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class _Occurrence:
    index: int
    offset: Offset
    piece: Piece


def carriers(signature: LogicalSignature, seed: int) -> Iterator[Carrier]:
    """Yield a match and up to three near misses, the same for the same seed.

    Raises:
        CannotCarry: when the signature asks for something that is not built, or contradicts itself.
    """
    _check(signature)
    rng = Random(seed)  # noqa: S311  nothing here is secret
    occurrences = _occurrences(signature, rng)
    yield _carrier(Kind.MATCH, signature, occurrences, seed)
    for kind, changed in _near_misses(occurrences, rng):
        try:
            yield _carrier(kind, signature, changed, seed)
        except CannotCarry:
            continue


def _check(signature: LogicalSignature) -> None:
    description = signature.description
    if any(description.icon_groups) or description.handler or description.intermediates:
        raise CannotCarry("icons, handlers and intermediate containers are not built")
    if description.target is not Target.PE and description.target is not Target.ELF and description.sections:
        raise CannotCarry("only programs have sections")


def _occurrences(signature: LogicalSignature, rng: Random) -> list[_Occurrence]:
    counts = wanted_counts(signature, rng)
    if sum(counts) > MOST_PIECES:
        raise CannotCarry(f"{sum(counts)} occurrences are too many")
    filler = _filler(signature.description.target)
    occurrences: list[_Occurrence] = []
    for index, (subsignature, count) in enumerate(zip(signature.subsignatures, counts, strict=True)):
        occurrences += (_occurrence(index, subsignature, rng, filler) for _ in range(count))
    if signature.description.target is Target.TEXT and not only_plain_text([o.piece for o in occurrences]):
        raise CannotCarry("a pattern holds bytes that normalised text never has")
    return occurrences


def _occurrence(index: int, subsignature: Subsignature, rng: Random, filler: bytes) -> _Occurrence:
    if isinstance(subsignature, BodyMatch):
        return _Occurrence(index, subsignature.offset, make_piece(rng.choice(subsignature.forms), rng, filler))
    if isinstance(subsignature, RegexMatch):
        piece = make_regex_piece(subsignature.regex, subsignature.flags, rng)
        return _Occurrence(index, subsignature.offset, piece)
    raise CannotCarry("byte comparisons, image hashes and macros are not built")


def _near_misses(occurrences: list[_Occurrence], rng: Random) -> Iterator[tuple[Kind, list[_Occurrence]]]:
    if not occurrences:
        return
    index = rng.randrange(len(occurrences))
    chosen = occurrences[index]
    if 2 in chosen.piece.care:
        changed = _Occurrence(chosen.index, chosen.offset, chosen.piece.changed(rng))
        yield Kind.BYTE_CHANGED, [*occurrences[:index], changed, *occurrences[index + 1 :]]
    yield Kind.MISSING, occurrences[:index] + occurrences[index + 1 :]
    unmoved = {Anchor.ANY, Anchor.MACRO, Anchor.VERSION_INFO}
    fixed = [index for index, o in enumerate(occurrences) if o.offset.anchor not in unmoved]
    if fixed:
        index = rng.choice(fixed)
        chosen = occurrences[index]
        shifted = _Occurrence(chosen.index, _just_outside(chosen.offset), chosen.piece)
        yield Kind.MOVED, [*occurrences[:index], shifted, *occurrences[index + 1 :]]


def _just_outside(offset: Offset) -> Offset:
    if offset.anchor is Anchor.SECTION_EXTENT:
        return Offset(Anchor.SECTION, -1, 0, offset.number)
    return Offset(offset.anchor, offset.value + offset.shift + 1, 0, offset.number)


def _carrier(kind: Kind, signature: LogicalSignature, occurrences: list[_Occurrence], seed: int) -> Carrier:
    rng = Random(seed + 1)  # noqa: S311  nothing here is secret
    description = signature.description
    canvas = Canvas()
    for occurrence in occurrences:
        if occurrence.offset.anchor is Anchor.START:
            first = occurrence.offset.value
            canvas.put_within(first, first + occurrence.offset.shift, occurrence.piece, rng)
    placed = [(o.offset, o.piece) for o in occurrences if o.offset.anchor in _IN_PROGRAM]
    landmarks = _beginning(canvas, placed, description, rng)
    _put_floating(canvas, occurrences, description, rng)
    _finish_size(canvas, occurrences, description)
    content = canvas.finished(rng, _filler(description.target))
    return Carrier(kind, wrap(content, description.container), content, landmarks)


def _beginning(
    canvas: Canvas, placed: list[tuple[Offset, Piece]], description: TargetDescription, rng: Random
) -> Landmarks:
    if description.target is Target.PE:
        return build_pe(canvas, placed, description, rng)
    if description.target is Target.ELF:
        return build_elf(canvas, placed, description, rng)
    if placed:
        raise CannotCarry("only programs have entry points and sections")
    beginnings = BEGINNINGS[description.target]
    places = range(0, 1_000, 2) if description.target in {Target.ANY, Target.OTHER} else range(1)
    for beginning in rng.sample(beginnings, len(beginnings)):
        for at in places:
            if canvas.fits(at, beginning, b"\1" * len(beginning)):
                canvas.put(at, beginning)
                return Landmarks()
    raise CannotCarry("a pattern stands where the file's type is told")


def _put_floating(canvas: Canvas, occurrences: list[_Occurrence], description: TargetDescription, rng: Random) -> None:
    largest = description.file_size.maximum if description.file_size else FLOATING_FROM * 2
    floating = [o for o in occurrences if o.offset.anchor in {Anchor.ANY, Anchor.MACRO}]
    needed = sum(len(o.piece.value) + 8 for o in floating)
    away = description.target in {Target.ANY, Target.OTHER} and canvas.size + needed + FLOATING_FROM < largest
    position = max(canvas.size, FLOATING_FROM if away else 0)
    for occurrence in floating:
        position += rng.randrange(1, 8)
        canvas.put(position, occurrence.piece.value, occurrence.piece.care)
        position += len(occurrence.piece.value)
    canvas.grow(position + 4)


def _finish_size(canvas: Canvas, occurrences: list[_Occurrence], description: TargetDescription) -> None:
    ends = [o for o in occurrences if o.offset.anchor is Anchor.END]
    size = canvas.size + max([0, *(len(o.piece.value) - o.offset.value for o in ends)])
    if description.file_size is not None:
        size = max(size, description.file_size.minimum)
        if size > description.file_size.maximum:
            raise CannotCarry(f"it does not fit into {description.file_size.maximum} bytes")
    canvas.grow(size)
    for occurrence in ends:
        canvas.put_piece(size + occurrence.offset.value, occurrence.piece)
    if canvas.size != size:
        raise CannotCarry("a pattern would reach beyond the end of the file")


def _filler(target: Target) -> bytes:
    return TEXT_FILLER if target in _TEXTUAL else BINARY_FILLER
