"""What must stand at a fixed place of an artifact if a signature is to hold.

No atom calls for signatures whose only literals are short, such as the beginning of an archive behind which an
expression looks for a name. For what is in mails there are hundreds, and nearly all ask for the same few bytes.
"""

from collections.abc import Sequence

from freehold.model.body import Anchor, Bytes
from freehold.model.logical import BodyMatch, Expression, Group, Leaf, Operator, RegexMatch, Subsignature
from freehold.model.view import View

Gate = frozenset[tuple[int, bytes]]
"""Places and literals of which one must stand there."""


def gate_of(expression: Expression, subsignatures: Sequence[Subsignature]) -> Gate | None:
    """Return the gate of a signature; None when nothing so simple is known of it."""
    if expression.comparison is not None and (isinstance(expression, Group) or expression.comparison.holds(0)):
        return None
    if isinstance(expression, Leaf):
        return _gate_of_leaf(subsignatures[expression.index], subsignatures)
    left, right = gate_of(expression.left, subsignatures), gate_of(expression.right, subsignatures)
    if expression.operator is Operator.AND:
        return right if left is None else left
    return None if left is None or right is None else left | right


def _gate_of_leaf(subsignature: Subsignature, subsignatures: Sequence[Subsignature]) -> Gate | None:
    if isinstance(subsignature, RegexMatch):
        return gate_of(subsignature.trigger, subsignatures)
    if not isinstance(subsignature, BodyMatch):
        return None
    offset = subsignature.offset
    if offset.anchor is not Anchor.START or offset.shift or offset.value < 0:
        return None
    literals: set[tuple[int, bytes]] = set()
    for body in subsignature.forms:
        first = body.parts[0].elements[0]
        if body.nocase or not isinstance(first, Bytes) or first.mask or not first.value:
            return None
        literals.add((offset.value, first.value))
    return frozenset(literals)


def stands_open(gate: Gate | None, view: View) -> bool:
    """Whether a signature with this gate may hold for some content."""
    return gate is None or any(view.read(place, len(literal)) == literal for place, literal in gate)
