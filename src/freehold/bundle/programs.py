"""Logical signatures as records of a bundle: everything that is needed to evaluate one, in compact JSON.

A record is ``[about, cover, facts, expression, subsignature …]``. Bytes are in hexadecimal; what is usual is short: a
literal body that may stand anywhere is its bytes alone, and facts that nobody asks for are left out. Records come from
verified files, so what does not fit is a bundle of another program.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.bundle.layout import MOST_SUBSIGNATURES
from freehold.model.body import (
    ANYWHERE,
    Anchor,
    Body,
    Bytes,
    Choice,
    Edge,
    Element,
    Gap,
    Mark,
    Neighbour,
    Offset,
    Part,
)
from freehold.model.errors import TrustError
from freehold.model.filetype import Target
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Comparison,
    Expression,
    Group,
    ImageHash,
    Leaf,
    MacroMatch,
    Operator,
    Radix,
    Range,
    RegexMatch,
    Relation,
    Subsignature,
    TargetDescription,
)

_NOCASE, _WIDE = 1, 2


def body_number(program: int, index: int) -> int:
    """Return the number by which a bundle refers to subsignature ``index`` of a program."""
    return program * MOST_SUBSIGNATURES + index


@dataclass(frozen=True, slots=True)
class Program:
    """What it takes to evaluate one logical signature.

    Attributes:
        about: number of its about-record.
        description: the artifacts that it looks at.
        expression: over the counts of the subsignatures.
        subsignatures: in order.
        cover: those of which one has matched whenever the expression is true; empty when it must always be evaluated.
    """

    about: int
    description: TargetDescription
    expression: Expression
    subsignatures: tuple[Subsignature, ...]
    cover: tuple[int, ...] = ()

    def to_record(self) -> list[Any]:
        """Return the program as JSON values; raises ``KeyError`` for subsignatures that no matcher evaluates."""
        subsignatures = [_ENCODERS[type(s)](s) for s in self.subsignatures]
        facts, expression = _encode_description(self.description), _encode_expression(self.expression)
        return [self.about, self.cover, facts, expression, *subsignatures]


class ProgramRecord:
    """A program whose facts are at hand, and whose expression is decoded when it is asked for.

    Attributes:
        about: number of its about-record.
        cover: see ``Program``.
        description: the artifacts that it looks at.
    """

    __slots__ = ("_record", "about", "cover", "description")

    def __init__(self, record: Any, target: Target) -> None:
        try:
            self.about: int = record[0]
            self.cover: frozenset[int] = frozenset(record[1])
            self.description = _decode_description(record[2], target)
        except (LookupError, TypeError, ValueError) as error:
            raise TrustError(f"the database holds a signature that this Freehold cannot read ({error!r})") from error
        self._record = record

    def decode(self) -> tuple[Expression, tuple[Subsignature, ...]]:
        """Return the expression and the subsignatures; raises ``TrustError`` when they cannot be read."""
        _, _, _, expression, *subsignatures = self._record
        try:
            return _decode_expression(expression), tuple(map(_decode_subsignature, subsignatures))
        except (LookupError, TypeError, ValueError) as error:
            raise TrustError(f"the database holds a signature that this Freehold cannot read ({error!r})") from error


# Facts


def _encode_description(description: TargetDescription) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name in ("file_size", "entry_point", "sections"):
        allowed: Range | None = getattr(description, name)
        if allowed is not None:
            facts[name] = [allowed.minimum, allowed.maximum]
    if description.container is not None:
        facts["container"] = description.container
    if description.intermediates:
        facts["intermediates"] = list(description.intermediates)
    if any(description.icon_groups):
        facts["icons"] = list(description.icon_groups)
    if description.handler is not None:
        facts["handler"] = description.handler
    return facts


def _decode_description(facts: dict[str, Any], target: Target) -> TargetDescription:
    if not facts:
        return TargetDescription(target)
    first, second = facts.get("icons", (None, None))
    return TargetDescription(
        target,
        _decode_range(facts.get("file_size")),
        _decode_range(facts.get("entry_point")),
        _decode_range(facts.get("sections")),
        facts.get("container"),
        tuple(facts.get("intermediates", ())),
        facts.get("handler"),
        icon_groups=(first, second),
    )


def _decode_range(bounds: Sequence[int] | None) -> Range | None:
    return None if bounds is None else Range(bounds[0], bounds[1])


# Expressions: a leaf is ``index`` or ``[index, relation, value]``, a group ``[operator, left, right(, …)]``


def _encode_expression(expression: Expression) -> Any:
    comparison = expression.comparison
    if isinstance(expression, Leaf):
        return expression.index if comparison is None else [expression.index, comparison.relation, comparison.value]
    sides = [expression.operator, _encode_expression(expression.left), _encode_expression(expression.right)]
    return sides if comparison is None else [*sides, comparison.relation, comparison.value, expression.distinct]


def _decode_expression(value: Any) -> Expression:
    if isinstance(value, int):
        return Leaf(value)
    if isinstance(value[0], int):
        return Leaf(value[0], Comparison(Relation(value[1]), value[2]))
    operator, left, right, *compared = value
    sides = Operator(operator), _decode_expression(left), _decode_expression(right)
    if not compared:
        return Group(*sides)
    return Group(*sides, Comparison(Relation(compared[0]), compared[1]), compared[2])


# Subsignatures


def encode_body_match(match: BodyMatch) -> Any:
    """Return a body subsignature as JSON values."""
    forms = [_encode_body(body) for body in match.forms]
    if match.offset == ANYWHERE and len(forms) == 1 and isinstance(forms[0], str):
        return forms[0]
    return ["body", _encode_offset(match.offset), *forms]


def _encode_regex(match: RegexMatch) -> Any:
    regex = match.regex.decode("latin-1")
    return ["regex", _encode_offset(match.offset), _encode_expression(match.trigger), regex, match.flags]


def _encode_byte_comparison(comparison: ByteComparison) -> Any:
    return [
        "number",
        comparison.reference,
        comparison.offset,
        comparison.radix,
        comparison.little_endian,
        comparison.exact,
        comparison.length,
        [[one.relation, one.value] for one in comparison.comparisons],
    ]


def _encode_image(image: ImageHash) -> Any:
    return ["image", image.digest.hex()]


def _encode_macro(macro: MacroMatch) -> Any:
    return ["macro", macro.minimum, macro.maximum, macro.group]


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    BodyMatch: encode_body_match,
    RegexMatch: _encode_regex,
    ByteComparison: _encode_byte_comparison,
    ImageHash: _encode_image,
    MacroMatch: _encode_macro,
}


def _decode_subsignature(value: Any) -> Subsignature:
    if isinstance(value, str):
        return BodyMatch((_decode_body(value),))
    kind, *rest = value
    if kind == "body":
        return BodyMatch(tuple(map(_decode_body, rest[1:])), _decode_offset(rest[0]))
    if kind == "regex":
        offset, trigger, regex, flags = rest
        return RegexMatch(_decode_expression(trigger), regex.encode("latin-1"), flags, _decode_offset(offset))
    if kind == "number":
        reference, place, radix, little_endian, exact, length, comparisons = rest
        decoded = tuple(Comparison(Relation(relation), number) for relation, number in comparisons)
        return ByteComparison(reference, place, Radix(radix), little_endian, exact, length, decoded)
    if kind == "image":
        return ImageHash(bytes.fromhex(rest[0]))
    if kind == "macro":
        return MacroMatch(*rest)
    raise ValueError(kind)


def decode_body_matches(values: Sequence[Any]) -> list[BodyMatch]:
    """Return body subsignatures; raises ``TrustError`` when they cannot be read."""
    try:
        return [match for value in values if isinstance(match := _decode_subsignature(value), BodyMatch)]
    except (LookupError, TypeError, ValueError) as error:
        raise TrustError(f"the database holds a signature that this Freehold cannot read ({error!r})") from error


def _encode_offset(offset: Offset) -> Any:
    return 0 if offset == ANYWHERE else [offset.anchor, offset.value, offset.shift, offset.number]


def _decode_offset(value: Any) -> Offset:
    return ANYWHERE if value == 0 else Offset(Anchor(value[0]), *value[1:])


# Bodies: ``hex`` when there is one exact part, else ``[flags, part, gap, part …]``


def _encode_body(body: Body) -> Any:
    parts = [_encode_part(part) for part in body.parts]
    flags = body.nocase * _NOCASE + body.wide * _WIDE
    if not flags and len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    row: list[Any] = [flags, parts[0]]
    for gap, part in zip(body.gaps, parts[1:], strict=True):
        row += ([gap.minimum, gap.maximum], part)
    return row


def _decode_body(value: Any) -> Body:
    if isinstance(value, str):
        return Body((_decode_part(value),))
    flags, *row = value
    gaps = tuple(Gap(*gap) for gap in row[1::2])
    return Body(tuple(map(_decode_part, row[::2])), gaps, bool(flags & _NOCASE), bool(flags & _WIDE))


def _encode_part(part: Part) -> Any:
    elements = [_encode_element(element) for element in part.elements]
    surroundings = (part.left, part.right, part.before, part.after)
    if surroundings != (None, None, None, None):
        left, right = _encode_mark(part.left), _encode_mark(part.right)
        return [elements, left, right, _encode_neighbour(part.before), _encode_neighbour(part.after)]
    return elements[0] if len(elements) == 1 and isinstance(elements[0], str) else [elements]


def _decode_part(value: Any) -> Part:
    if isinstance(value, str):
        return Part((_decode_element(value),))
    elements = tuple(map(_decode_element, value[0]))
    if len(value) == 1:
        return Part(elements)
    _, left, right, before, after = value
    return Part(elements, _decode_mark(left), _decode_mark(right), _decode_neighbour(before), _decode_neighbour(after))


def _encode_element(element: Element) -> Any:
    if isinstance(element, Bytes):
        return f"{element.value.hex()}/{element.mask.hex()}" if element.mask else element.value.hex()
    if isinstance(element, Mark):
        return _encode_mark(element)
    return ["choice", element.negated, *([_encode_element(e) for e in option] for option in element.options)]


def _decode_element(value: Any) -> Element:
    if isinstance(value, str):
        exact, _, mask = value.partition("/")
        return Bytes(bytes.fromhex(exact), bytes.fromhex(mask))
    if value[0] == "choice":
        return Choice(tuple(tuple(map(_decode_element, option)) for option in value[2:]), value[1])
    return Mark(Edge(value[0]), value[1])


def _encode_mark(mark: Mark | None) -> Any:
    return None if mark is None else [mark.kind, mark.negated]


def _decode_mark(value: Any) -> Mark | None:
    return None if value is None else Mark(Edge(value[0]), value[1])


def _encode_neighbour(neighbour: Neighbour | None) -> Any:
    return None if neighbour is None else [neighbour.value, neighbour.mask, neighbour.minimum, neighbour.maximum]


def _decode_neighbour(value: Any) -> Neighbour | None:
    return None if value is None else Neighbour(*value)
