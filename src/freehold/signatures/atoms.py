"""Choosing atoms: short literals of which at least one must occur wherever a body matches, as rare as can be had.

How rare a literal is, says a statistic over clean files: for each pair of bytes, how surprising the second one is after
the first (``bigrams.bin``); and for runs of eight bytes, whether many files share them (``common.bloom``), as they do
the libraries that they are linked with. ``bench/measure_clean_files.py`` makes both. An unusual literal costs nothing
at scan time; one that occurs in every program makes its signature be looked at in every program.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import accumulate, product
from typing import NamedTuple

from freehold.model.body import Body, Bytes, Choice, Element
from freehold.model.logical import BodyMatch, ImageHash, Subsignature
from freehold.signatures.weak import expression_bits, weak_expression

LONGEST = 8
"""Bytes of an atom: as many as Hyperscan compares in one step."""

SHORTEST = 3
"""Literals of fewer bytes are too common to be of use."""

_MOST_VARIANTS = 16
"""Into so many literals a run with alternatives is multiplied out at most."""

_BITS_PER_UNIT = 1 / 8
"""``bigrams.bin`` counts in eighths of a bit."""

_FIRST_BYTE = 5.0
"""Bits that the first byte of a literal is worth, whichever it is."""

_COMMON_BITS = 24.0
"""Bits that a literal is worth which many clean files share, however odd it looks."""

_LEAST_BITS = 20.0
"""Bits that an expression must be worth to be looked for."""

_MOST_TRIED = 24
"""So many pieces of a literal are looked at to find one that is not shared."""

_MULTIPLIER = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1
_PLACES = (1 << 23) - 1


class Atom(NamedTuple):
    """What to look for.

    Attributes:
        value: a literal, or a regular expression as Hyperscan reads it.
        nocase: ASCII letters stand for either case; those of a literal are small.
        expression: it is a regular expression.
    """

    value: bytes
    nocase: bool
    expression: bool = False


class Atoms(NamedTuple):
    """Literals of which one occurs wherever the body does.

    Attributes:
        literals: the alternatives.
        weight: how often one of them may be expected at a place of a clean file: 1 is everywhere.
    """

    literals: tuple[Atom, ...]
    weight: float


PICTURE = Atoms((), 2.0**-28)
"""What calls for a hash of a picture: the hash itself, which no other picture has, but which is dear to compute."""


def calling_for(subsignature: Subsignature) -> Atoms | None:
    """Return what calls for a subsignature; None when nothing does."""
    if isinstance(subsignature, ImageHash):
        return PICTURE
    return choose(subsignature) if isinstance(subsignature, BodyMatch) else None


def choose(match: BodyMatch) -> Atoms | None:
    """Return the rarest atoms for a body in all its forms; None when a form has none that are of use."""
    literals: list[Atom] = []
    weight = 0.0
    for body in match.forms:
        found = min(_candidates(body), key=_weight, default=None) or weak_atoms(body)
        if found is None:
            return None
        literals += found.literals
        weight += found.weight
    return Atoms(tuple(dict.fromkeys(literals)), weight)


def worth(atom: Atom) -> float:
    """Return how many bits an atom is worth: it may be expected once in 2 to the power of so many bytes."""
    if atom.expression:
        return max(_LEAST_BITS, expression_bits(atom.value))
    return _best_window(atom.value)[1]


def weak_atoms(body: Body) -> Atoms | None:
    """Return an expression for a body without a literal."""
    regex, bits = weak_expression(body)
    if bits < _LEAST_BITS:
        return None
    return Atoms((Atom(regex, body.nocase, expression=True),), 2.0**-bits)


def _weight(atoms: Atoms) -> float:
    return atoms.weight


def _candidates(body: Body) -> Iterator[Atoms]:
    for part in body.parts:
        for run in _runs(part.elements):
            for literals in _variants(run):
                atoms = [_best_window(literal.lower() if body.nocase else literal) for literal in literals]
                if all(len(window) >= SHORTEST for window, _ in atoms):
                    unique = {Atom(window, body.nocase): bits for window, bits in atoms}
                    yield Atoms(tuple(sorted(unique)), sum(2.0**-bits for bits in unique.values()))


def _runs(elements: Sequence[Element]) -> Iterator[list[tuple[bytes, ...]]]:
    """Yield rows of neighbours, each a choice among exact byte strings."""
    run: list[tuple[bytes, ...]] = []
    for element in elements:
        if isinstance(element, Bytes) and not element.mask:
            run.append((element.value,))
            continue
        options = _exact_options(element)
        if options:
            run.append(options)
            continue
        if isinstance(element, Bytes):
            pieces = _exact_pieces(element)
            run.append((pieces[0],))
            yield run
            for piece in pieces[1:-1]:
                if piece:
                    yield [(piece,)]
            run = [(pieces[-1],)]
            continue
        yield run
        run = []
    yield run


def _exact_pieces(element: Bytes) -> list[bytes]:
    """Return the exact bytes between those that are not; the first or last piece may be empty."""
    pieces = []
    start = 0
    for place, mask in enumerate(element.mask):
        if mask != 0xFF:
            pieces.append(element.value[start:place])
            start = place + 1
    return [*pieces, element.value[start:]]


def _exact_options(element: Element) -> tuple[bytes, ...]:
    """Return the byte strings that alternatives stand for; empty when there are other things among them."""
    if not isinstance(element, Choice) or element.negated:
        return ()
    options = []
    for option in element.options:
        if any(not isinstance(piece, Bytes) or piece.mask for piece in option):
            return ()
        options.append(b"".join(piece.value for piece in option if isinstance(piece, Bytes)))
    return tuple(options)


def _variants(run: list[tuple[bytes, ...]]) -> Iterator[tuple[bytes, ...]]:
    """Yield sets of literals of which one occurs: single neighbours, and the longest rows that multiply out to few."""
    for options in run:
        if len(options) <= _MOST_VARIANTS:
            yield options
    if len(run) < 2:
        return
    start = 0
    while start < len(run):
        end, count = start, 1
        while end < len(run) and count * len(run[end]) <= _MOST_VARIANTS:
            count *= len(run[end])
            end += 1
        if end - start > 1:
            yield tuple(b"".join(row) for row in product(*run[start:end]))
        start = max(end, start + 1)


def _best_window(literal: bytes) -> tuple[bytes, float]:
    """Return the rarest piece of a literal of at most ``LONGEST`` bytes, and how many bits it is worth."""
    table = bigrams()
    pairs = [table[high << 8 | low] for high, low in zip(literal, literal[1:])]  # noqa: B905, RUF007 - one shorter, and fast
    if len(literal) <= LONGEST:
        bits = _FIRST_BYTE + sum(pairs) * _BITS_PER_UNIT
        return literal, min(bits, _COMMON_BITS) if _is_common(literal) else bits
    sums = list(accumulate(pairs, initial=0))
    worth = [late - early for early, late in zip(sums, sums[LONGEST - 1 :])]  # noqa: B905 - see above
    order = sorted(range(len(worth)), key=worth.__getitem__, reverse=True)
    for start in order[:_MOST_TRIED]:
        window = literal[start : start + LONGEST]
        if not _is_common(window):
            return window, _FIRST_BYTE + worth[start] * _BITS_PER_UNIT
    start = order[0]
    return literal[start : start + LONGEST], min(_COMMON_BITS, _FIRST_BYTE + worth[start] * _BITS_PER_UNIT)


def _is_common(window: bytes) -> bool:
    """Whether eight bytes are among those that many clean files share, or one of the few that look like them."""
    if len(window) != LONGEST:
        return False
    bits = common()
    mixed = int.from_bytes(window) * _MULTIPLIER & _WORD
    one, other = mixed >> 41, mixed >> 18 & _PLACES
    return bool(bits[one >> 3] >> (one & 7) & bits[other >> 3] >> (other & 7) & 1)


@cache
def common() -> bytes:
    """Return the Bloom filter of eight bytes in a row that many clean files share: 2^23 bits, two for each."""
    return files(__package__).joinpath("common.bloom").read_bytes()


@cache
def bigrams() -> bytes:
    """Return for each pair of bytes how surprising the second is after the first, in eighths of a bit."""
    return files(__package__).joinpath("bigrams.bin").read_bytes()
