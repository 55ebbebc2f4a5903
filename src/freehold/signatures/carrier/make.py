"""Makes carriers and near misses of a logical signature, or of a rule of a pack."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import NamedTuple

from freehold.model.body import ANYWHERE, Anchor, Body, Landmarks, Offset
from freehold.model.filetype import Target
from freehold.model.logical import BodyMatch, ByteComparison, Range, RegexMatch, Subsignature, TargetDescription
from freehold.model.signature import LogicalSignature, PatternSignature
from freehold.signatures.carrier.canvas import Canvas
from freehold.signatures.carrier.counts import true_for, wanted_counts, wanted_patterns
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.numbers import make_number
from freehold.signatures.carrier.pieces import Piece, make_piece, only_plain_text
from freehold.signatures.carrier.programs import build_elf, build_pe
from freehold.signatures.carrier.regexes import Regex, occurs, regexes_of
from freehold.signatures.carrier.search import occurrences as occurrences_in
from freehold.signatures.carrier.shells import BEGINNINGS, BINARY_FILLER, TEXT_FILLER, wrap

FLOATING_FROM = 2_048
"""Where patterns without a place start, so that they do not decide what the file is taken for."""

MOST_PIECES = 2_000
"""How many occurrences of patterns a carrier holds."""

_ATTEMPTS = 20
"""How often something random is tried anew."""

_CONTEXTS = ((Anchor.ANY, b"q ", b" q"), (Anchor.START, b"", b" q"), (Anchor.END, b"q ", b""))
"""Where the text of a regular expression can stand, with what stands before and behind it: spaces end words."""

_IN_PROGRAM = frozenset({Anchor.ENTRY, Anchor.SECTION, Anchor.SECTION_EXTENT, Anchor.LAST_SECTION, Anchor.VERSION_INFO})
_TEXTUAL = frozenset({Target.TEXT, Target.HTML, Target.MAIL})


class Kind(StrEnum):
    """How a carrier relates to its signature."""

    MATCH = "match"
    BYTE_CHANGED = "byte changed"
    MISSING = "subsignature missing"
    MOVED = "offset moved"


class Carrier(NamedTuple):
    """Content that a signature matches or narrowly misses.

    Attributes:
        kind: what was done to it.
        expected: whether it should match: a near miss may where the signature has other ways to. None where this
            cannot be told, because what was taken away stands somewhere in the content all the same.
        file: the file, with the container that the signature asks for.
        content: what the signature's target looks at: ``file`` itself or the container's member.
        landmarks: where offsets of the content are counted from.
    """

    kind: Kind
    expected: bool | None
    file: bytes
    content: bytes
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class _Occurrence:
    index: int
    offset: Offset
    piece: Piece
    subject: Regex | tuple[Body, ...]
    numbers: tuple[int, ...] = ()

    def times(self, content: bytes, enough: int) -> int:
        """Return how often what is put here may occur in a content, whatever its place; no more than ``enough``."""
        if isinstance(self.subject, Regex):
            return self.subject.times(content, enough)
        return occurrences_in(self.subject, content, enough)

    def changed(self, rng: Random) -> "_Occurrence | None":
        """Return it with one byte changed such that it does not match; None when no such byte is found."""
        for _ in range(_ATTEMPTS if 2 in self.piece.care else 0):
            piece = self.piece.changed(rng)
            changed = replace(self, piece=piece)
            if not changed.times(piece.value, 1):
                return changed
        return None


class _Miss(NamedTuple):
    """What is put into a near miss: some still match, ``lost`` does not any more, but may be ``moved`` only."""

    kind: Kind
    put: list[_Occurrence]
    intact: list[_Occurrence]
    lost: _Occurrence


def carriers(signature: LogicalSignature | PatternSignature, seed: int) -> Iterator[Carrier]:
    """Yield a match and up to three near misses, the same for the same seed.

    Raises:
        CannotCarry: when the signature asks for something that is not built, or contradicts itself.
    """
    rng = Random(seed)  # noqa: S311  nothing here is secret
    description = _description(signature, rng)
    _check(description)
    occurrences = _occurrences(signature, description.target, rng)
    content = _Content(description, seed)
    match = content.carrier(Kind.MATCH, occurrences)
    if isinstance(signature, PatternSignature):
        if not occurs(signature, match.content):
            raise CannotCarry("no content is found in which all patterns stand as they should")
        yield match._replace(expected=True)
    else:
        yield match._replace(expected=true_for(signature, _occurring(occurrences)))
    for miss in _near_misses(occurrences, rng):
        try:
            carrier = content.carrier(miss.kind, miss.put)
        except CannotCarry:
            continue
        yield carrier._replace(expected=_expected(signature, miss, carrier.content))


def _occurring(occurrences: list[_Occurrence]) -> list[int]:
    return [index for occurrence in occurrences for index in (occurrence.index, *occurrence.numbers)]


def _expected(signature: LogicalSignature | PatternSignature, miss: _Miss, content: bytes) -> bool | None:
    if isinstance(signature, PatternSignature):
        return occurs(signature, content)
    if true_for(signature, _occurring(miss.intact)):
        return True
    known = sum(occurrence.index == miss.lost.index for occurrence in miss.intact) + (miss.kind is Kind.MOVED)
    return None if miss.lost.times(content, known + 1) > known else False


def _description(signature: LogicalSignature | PatternSignature, rng: Random) -> TargetDescription:
    if isinstance(signature, LogicalSignature):
        return signature.description
    largest = None if signature.maximum_size is None else Range(0, signature.maximum_size)
    return TargetDescription(rng.choice(signature.targets), largest)


def _check(description: TargetDescription) -> None:
    if any(description.icon_groups) or description.intermediates:
        raise CannotCarry("icons and intermediate containers are not built")
    if description.target is not Target.PE and description.target is not Target.ELF and description.sections:
        raise CannotCarry("only programs have sections")


def _occurrences(signature: LogicalSignature | PatternSignature, target: Target, rng: Random) -> list[_Occurrence]:
    filler = _filler(target)
    if isinstance(signature, PatternSignature):
        regexes = regexes_of(signature)
        occurrences = [_regex_occurrence(i, regexes[i], ANYWHERE, rng) for i in wanted_patterns(signature, rng)]
    else:
        counts = wanted_counts(signature, rng)
        if sum(counts) > MOST_PIECES:
            raise CannotCarry(f"{sum(counts)} occurrences are too many")
        occurrences = []
        for index, (subsignature, count) in enumerate(zip(signature.subsignatures, counts, strict=True)):
            if not isinstance(subsignature, ByteComparison):
                occurrences += (_occurrence(index, subsignature, rng, filler) for _ in range(count))
        for index, subsignature in enumerate(signature.subsignatures):
            if counts[index] and isinstance(subsignature, ByteComparison):
                occurrences = _with_number(occurrences, index, subsignature, rng)
        if target is Target.TEXT and not only_plain_text([o.piece for o in occurrences]):
            raise CannotCarry("a pattern holds bytes that normalised text never has")
    return occurrences


def _occurrence(index: int, subsignature: Subsignature, rng: Random, filler: bytes) -> _Occurrence:
    if isinstance(subsignature, BodyMatch):
        piece = make_piece(rng.choice(subsignature.forms), rng, filler)
        return _Occurrence(index, subsignature.offset, piece, subsignature.forms)
    if isinstance(subsignature, RegexMatch):
        return _regex_occurrence(index, Regex(subsignature.regex, subsignature.flags), subsignature.offset, rng)
    raise CannotCarry("image hashes and macros are not built")


def _with_number(
    occurrences: list[_Occurrence], index: int, comparison: ByteComparison, rng: Random
) -> list[_Occurrence]:
    """Put the number beside every occurrence of what it is counted from: the last one counts."""
    number = make_number(comparison, rng)
    changed = []
    for occurrence in occurrences:
        if occurrence.index == comparison.reference:
            if isinstance(occurrence.subject, Regex) or len(occurrence.subject[0].parts) > 1:
                raise CannotCarry("byte comparisons are built beside single pieces of bytes only")
            piece = occurrence.piece.also(comparison.offset, number)
            changed.append(replace(occurrence, piece=piece, numbers=(*occurrence.numbers, index)))
        else:
            changed.append(occurrence)
    return changed


def _regex_occurrence(index: int, regex: Regex, offset: Offset, rng: Random) -> _Occurrence:
    """Make a text that the expression matches; one without a place gets the first one that it can do with."""
    for _ in range(_ATTEMPTS):
        piece = regex.make(rng)
        if offset != ANYWHERE and regex.times(piece.value, 1):
            return _Occurrence(index, offset, piece, regex)
        for anchor, before, after in _CONTEXTS if offset == ANYWHERE else ():
            if regex.times(before + piece.value + after, 1):
                placed = Offset(anchor, -len(piece.value) if anchor is Anchor.END else 0)
                return _Occurrence(index, placed, piece.between(before[-1:], after[:1]), regex)
    raise CannotCarry("no text is found that a regular expression matches")


def _near_misses(occurrences: list[_Occurrence], rng: Random) -> Iterator[_Miss]:
    if not occurrences:
        return
    index = rng.randrange(len(occurrences))
    chosen = occurrences[index]
    others = occurrences[:index] + occurrences[index + 1 :]
    if (changed := chosen.changed(rng)) is not None:
        yield _Miss(Kind.BYTE_CHANGED, [*occurrences[:index], changed, *occurrences[index + 1 :]], others, chosen)
    yield _Miss(Kind.MISSING, others, others, chosen)
    unmoved = {Anchor.ANY, Anchor.MACRO, Anchor.VERSION_INFO}
    fixed = [index for index, o in enumerate(occurrences) if o.offset.anchor not in unmoved]
    if fixed:
        index = rng.choice(fixed)
        chosen = occurrences[index]
        moved = replace(chosen, offset=_just_outside(chosen.offset))
        others = occurrences[:index] + occurrences[index + 1 :]
        yield _Miss(Kind.MOVED, [*occurrences[:index], moved, *occurrences[index + 1 :]], others, chosen)


def _just_outside(offset: Offset) -> Offset:
    if offset.anchor is Anchor.SECTION_EXTENT:
        return Offset(Anchor.SECTION, -1, 0, offset.number)
    return Offset(offset.anchor, offset.value + offset.shift + 1, 0, offset.number)


class _Content:
    """Puts what a signature looks for into files, always in the same way."""

    def __init__(self, description: TargetDescription, seed: int) -> None:
        self._description = description
        self._seed = seed

    def carrier(self, kind: Kind, occurrences: list[_Occurrence]) -> Carrier:
        """Put these occurrences; what is to be expected is not told yet. Raises ``CannotCarry``."""
        rng = Random(self._seed + 1)  # noqa: S311  nothing here is secret
        description = self._description
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
        return Carrier(kind, None, wrap(content, description.container), content, landmarks)


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
