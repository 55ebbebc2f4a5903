"""What logical signatures are made of: subsignatures, an expression over their counts, a description of the target.

``model.signature.LogicalSignature`` puts them together. A subsignature has a count, the number of its matches; the
expression decides by the counts whether the signature matches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from freehold.model.body import ANYWHERE, Body, Offset
from freehold.model.filetype import Target


class Relation(StrEnum):
    """How a number is compared; both other relations are strict."""

    EQUAL = "="
    LESS = "<"
    MORE = ">"


@dataclass(frozen=True, slots=True)
class Comparison:
    """True for numbers that stand in this relation to ``value``."""

    relation: Relation
    value: int

    def holds(self, number: int) -> bool:
        """Compare ``number`` (left) with ``value`` (right)."""
        if self.relation is Relation.EQUAL:
            return number == self.value
        return number < self.value if self.relation is Relation.LESS else number > self.value


@dataclass(frozen=True, slots=True)
class Leaf:
    """Subsignature ``index`` has a count that passes the comparison; without one: a count above zero."""

    index: int
    comparison: Comparison | None = None


class Operator(StrEnum):
    """How a group joins its two sides."""

    AND = "&"
    OR = "|"


@dataclass(frozen=True, slots=True)
class Group:
    """Two expressions joined.

    Without a comparison a group is true as its operator says, and then hands on the counts of those sides that are
    true. With one, the group's total (the sum of those counts; 0 when the operator says false) must pass it, and at
    least ``distinct`` different subsignatures must have contributed; it then hands on its total, but no longer which
    subsignatures contributed.
    """

    operator: Operator
    left: "Expression"
    right: "Expression"
    comparison: Comparison | None = None
    distinct: int = 0


Expression = Leaf | Group


def evaluate(expression: Expression, counts: Sequence[int]) -> bool:
    """Whether an expression is true for the counts of the subsignatures, in their order."""
    return _evaluate(expression, counts)[0]


def _evaluate(expression: Expression, counts: Sequence[int]) -> tuple[bool, int, int]:
    """Return the truth, the total that is handed on, and a set (as bits) of the subsignatures that contributed."""
    if isinstance(expression, Leaf):
        count = counts[expression.index]
        true = count > 0 if expression.comparison is None else expression.comparison.holds(count)
        return (True, count, 1 << expression.index) if true else (False, 0, 0)
    left, left_total, left_set = _evaluate(expression.left, counts)
    right, right_total, right_set = _evaluate(expression.right, counts)
    true = (left and right) if expression.operator is Operator.AND else (left or right)
    total, contributed = (left_total + right_total, left_set | right_set) if true else (0, 0)
    if expression.comparison is None:
        return true, total, contributed
    if expression.comparison.holds(total) and contributed.bit_count() >= expression.distinct:
        return True, total, 0
    return False, 0, 0


@dataclass(frozen=True, slots=True)
class BodyMatch:
    """A byte pattern in one or more forms (plain and wide).

    The count: for a body of one part the number of different starts; for more parts the number of matches of the last
    part that some chain of earlier ones leads to. Forms count together.
    """

    forms: tuple[Body, ...]
    offset: Offset = ANYWHERE


@dataclass(frozen=True, slots=True)
class RegexMatch:
    """A Perl-compatible regular expression, run on the whole artifact once ``trigger`` is true.

    Its count is 1, with flag ``g`` the number of successive matches. Without a shift a match must begin at the offset
    unless flag ``r`` lets it begin later; with a shift the first match found must begin within it.

    Attributes:
        trigger: over subsignatures that come before this one.
        regex: as written, over bytes.
        flags: of ``imsxAEU`` (as in PCRE) and ``gre``, in this order; ``e``: it sees only the bytes within the shift.
    """

    trigger: Expression
    regex: bytes
    flags: str = ""
    offset: Offset = ANYWHERE


class Radix(StrEnum):
    """How a number is written in the artifact; ``AUTO``: hexadecimal when it begins with 0x, else decimal."""

    HEXADECIMAL = "h"
    DECIMAL = "d"
    AUTO = "a"
    BINARY = "i"


@dataclass(frozen=True, slots=True)
class ByteComparison:
    """A number that stands ``offset`` bytes from the last counted start of subsignature ``reference``.

    Attributes:
        reference: another subsignature of the same signature.
        offset: in bytes, may be negative. The number never stands at the very start of an artifact.
        radix: how it is written.
        little_endian: its byte order (binary), or that the text's digit pairs are in reverse (hexadecimal).
        exact: every one of ``length`` bytes must be a digit.
        length: in bytes; binary: 1, 2, 4 or 8.
        comparisons: one or two; all must hold. Binary numbers are unsigned.
    """

    reference: int
    offset: int
    radix: Radix
    little_endian: bool
    exact: bool
    length: int
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class ImageHash:
    """The perceptual hash of a picture, 8 bytes, equal to ``digest``; ClamAV supports no ``distance`` but 0."""

    digest: bytes
    distance: int = 0


@dataclass(frozen=True, slots=True)
class MacroMatch:
    """A body of macro group ``group`` starts ``minimum`` to ``maximum`` bytes after the subsignature before."""

    minimum: int
    maximum: int
    group: int


Subsignature = BodyMatch | RegexMatch | ByteComparison | ImageHash | MacroMatch


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``minimum`` to ``maximum``, both included."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class TargetDescription:
    """Which artifacts a logical signature looks at.

    Attributes:
        target: the group of file types.
        file_size: in bytes.
        entry_point: file offset of the entry point of a program.
        sections: how many a program has.
        container: ClamAV's name for the type of the direct parent; ``CL_TYPE_ANY``: there is none.
        intermediates: types of the layers above, outermost first; ``CL_TYPE_ANY`` stands for any one of them.
        handler: the artifact is examined once more, as this type, when the signature matches.
        icon_groups: names that the program's icon must have in the first and second group of icons.
    """

    target: Target
    file_size: Range | None = None
    entry_point: Range | None = None
    sections: Range | None = None
    container: str | None = None
    intermediates: tuple[str, ...] = ()
    handler: str | None = None
    icon_groups: tuple[str | None, str | None] = (None, None)
