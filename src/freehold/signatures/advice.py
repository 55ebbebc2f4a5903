"""What the writer of a signature should know before it is shipped: what makes it slow, too broad, or useless."""

from collections.abc import Iterator
from math import inf, log2

from freehold.model.about import HashedPart
from freehold.model.body import Bytes, Choice, Element
from freehold.model.filetype import Target
from freehold.model.logical import BodyMatch, ByteComparison, Expression, Leaf, RegexMatch, evaluate
from freehold.model.signature import AllowedContent, HashSignature, LogicalSignature, PatternSignature, Signature
from freehold.signatures.atoms import Atom, Atoms, calling_for
from freehold.signatures.cover import cover
from freehold.signatures.literals import required

WEAK_BITS = 24.0
"""An atom that is worth no more bits is found in clean files once in 16 MiB or more often."""


def advice(signature: Signature) -> Iterator[str]:
    """Yield a sentence for each thing that should be thought over."""
    if isinstance(signature, LogicalSignature):
        yield from _zero_counts(signature)
        yield from _unused(signature)
        yield from _never_in_text(signature)
        yield from _atoms(signature)
    elif isinstance(signature, PatternSignature):
        yield from _without_literals(signature)
    elif isinstance(signature, HashSignature | AllowedContent):
        yield from _digest(signature)


def atoms_for(signature: LogicalSignature) -> dict[int, Atoms] | None:
    """Return the atoms that call for a signature, by subsignature; None when none do, empty when it never matches."""
    chosen = {n: calling_for(s) for n, s in enumerate(signature.subsignatures)}

    def weigh(index: int) -> float:
        atoms = chosen.get(index)
        return inf if atoms is None else atoms.weight

    covering = cover(signature.expression, signature.subsignatures, weigh)
    if covering is None:
        return None
    return {index: atoms for index in sorted(covering) if (atoms := chosen.get(index)) is not None}


def _zero_counts(signature: LogicalSignature) -> Iterator[str]:
    if evaluate(signature.expression, [0] * len(signature.subsignatures)):
        yield "it matches every file that it looks at in which nothing of it occurs"


def _unused(signature: LogicalSignature) -> Iterator[str]:
    used = set(_leaves(signature.expression))
    for subsignature in signature.subsignatures:
        if isinstance(subsignature, RegexMatch):
            used |= set(_leaves(subsignature.trigger))
        elif isinstance(subsignature, ByteComparison):
            used.add(subsignature.reference)
    for index in range(len(signature.subsignatures)):
        if index not in used:
            yield f"subsignature {index} is used nowhere"


def _leaves(expression: Expression) -> Iterator[int]:
    if isinstance(expression, Leaf):
        yield expression.index
    else:
        yield from _leaves(expression.left)
        yield from _leaves(expression.right)


def _never_in_text(signature: LogicalSignature) -> Iterator[str]:
    """Texts are compared in normal form: small letters, no control characters, nothing above ASCII."""
    if signature.description.target is not Target.TEXT:
        return
    for index, subsignature in enumerate(signature.subsignatures):
        if isinstance(subsignature, BodyMatch) and not _in_normal_form(subsignature):
            yield f"subsignature {index} never occurs: texts are compared in normal form (small letters, single spaces)"


def _in_normal_form(match: BodyMatch) -> bool:
    return any(
        body.nocase or all(_is_normal(element) for part in body.parts for element in part.elements)
        for body in match.forms
    )


def _is_normal(element: Element) -> bool:
    if isinstance(element, Choice):
        return element.negated or any(all(map(_is_normal, option)) for option in element.options)
    if not isinstance(element, Bytes):
        return True
    mask = element.mask or b"\xff" * len(element.value)
    exact = [byte for byte, care in zip(element.value, mask, strict=True) if care == 0xFF]
    return all(0x20 <= byte < 0x7F and not 0x41 <= byte <= 0x5A for byte in exact) and b"  " not in element.value


def _atoms(signature: LogicalSignature) -> Iterator[str]:
    atoms = atoms_for(signature)
    if atoms is None:
        yield (
            "slow: nothing that is rare enough must occur, so it is evaluated for every file that it looks at; "
            "ask for four unusual bytes in a row that always occur"
        )
        return
    for index, found in atoms.items():
        bits = -log2(found.weight)
        if bits <= WEAK_BITS:
            yield (
                f"weak: subsignature {index} is found by {_shown(found)}, which clean files have about once in "
                f"{_often(found.weight)}; ask for rarer bytes"
            )
        elif any(atom.expression for atom in found.literals):
            yield f"slow: subsignature {index} has no three exact bytes in a row, so it is looked for as an expression"


def _shown(atoms: Atoms) -> str:
    first = atoms.literals[0]
    more = f" and {len(atoms.literals) - 1} more" if len(atoms.literals) > 1 else ""
    return _atom_text(first) + more


def _atom_text(atom: Atom) -> str:
    return atom.value.decode("latin-1") if atom.expression else atom.value.hex(" ")


def _often(weight: float) -> str:
    places = 1 / weight
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if places >= size:
            return f"{places / size:,.0f} {unit}"
    return f"{max(places, 1):,.0f} bytes"


def _without_literals(signature: PatternSignature) -> Iterator[str]:
    for number, expression in enumerate(signature.patterns, 1):
        if not required(expression.regex):
            yield f"slow: pattern {number} has no three fixed bytes in a row, so it is looked for as an expression"


def _digest(signature: HashSignature | AllowedContent) -> Iterator[str]:
    whole = isinstance(signature, AllowedContent) or signature.part is not HashedPart.PE_IMPORTS
    if signature.size is None and whole:
        yield f"slow: without a size, every file must be hashed with {signature.algorithm}"
    if isinstance(signature, AllowedContent) and signature.algorithm != "sha256":
        yield f"{signature.algorithm} can be forged: a hostile file can be made that has this digest; use SHA-256"
