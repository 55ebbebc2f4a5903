"""What must be true, in words: expressions over counts, and the conditions of packs."""

from collections.abc import Iterator

from freehold.model.condition import Condition, Not, Occurs
from freehold.model.logical import Comparison, Expression, Group, Leaf, Operator, Relation
from freehold.signatures.describe.numbers import comparison_words, listed, times

_NONE = Comparison(Relation.EQUAL, 0)


def expression_words(expression: Expression) -> str:
    """Return a logical expression in words; numbers are those of subsignatures."""
    if isinstance(expression, Leaf):
        return _leaf(expression)
    if expression.comparison is not None:
        return _compared(expression, expression.comparison)
    if numbers := _plain_numbers(expression):
        return _plain(numbers, expression.operator)
    joint = " and " if expression.operator is Operator.AND else " or "
    return joint.join(map(_grouped, _members(expression)))


def _plain(numbers: list[str], operator: Operator) -> str:
    if operator is Operator.AND:
        return f"{'both ' if len(numbers) == 2 else 'all of '}{listed(numbers, 'and')} occur"
    return f"{'either ' if len(numbers) == 2 else 'any of '}{listed(numbers, 'or')} occurs"


def _plain_numbers(group: Group) -> list[str]:
    """Return what one operator joins when all of it is plain numbers."""
    members = list(_members(Group(group.operator, group.left, group.right)))
    if any(isinstance(member, Group) or member.comparison is not None for member in members):
        return []
    return [str(member.index) for member in members if isinstance(member, Leaf)]


def _members(expression: Expression, operator: Operator | None = None) -> Iterator[Expression]:
    """Yield what one operator joins, however the pairs of it are nested."""
    if isinstance(expression, Group) and expression.comparison is None and operator in {None, expression.operator}:
        yield from _members(expression.left, expression.operator)
        yield from _members(expression.right, expression.operator)
    else:
        yield expression


def _grouped(expression: Expression) -> str:
    words = expression_words(expression)
    return words if isinstance(expression, Leaf) else f"({words})"


def _leaf(leaf: Leaf) -> str:
    comparison = leaf.comparison
    if comparison is None:
        return f"{leaf.index} occurs"
    if comparison.relation is Relation.EQUAL and not comparison.value:
        return f"{leaf.index} does not occur"
    if comparison.relation is Relation.MORE and not comparison.value:
        return f"{leaf.index} occurs"
    if comparison.relation is Relation.EQUAL:
        return f"{leaf.index} occurs exactly {times(comparison.value)}"
    side = "fewer" if comparison.relation is Relation.LESS else "more"
    return f"{leaf.index} occurs {side} than {times(comparison.value)}"


def _compared(group: Group, comparison: Comparison) -> str:
    if group.operator is Operator.OR and comparison == _NONE and (numbers := _plain_numbers(group)):
        return f"none of {listed(numbers, 'and')} occurs"
    inner = expression_words(Group(group.operator, group.left, group.right))
    different = f", of at least {group.distinct} different ones" if group.distinct > 1 else ""
    total = f"{comparison_words(comparison)} occurrences in all{different}"
    if group.distinct or not comparison.holds(0):
        return f"{inner}, with {total}"
    return f"it is not so that {inner}, or it is with {total}"


def condition_words(condition: Condition) -> str:
    """Return a pack's condition in words; numbers are those of patterns, from 1."""
    if isinstance(condition, Occurs):
        return f"{condition.index + 1} occurs"
    if isinstance(condition, Not):
        return f"not ({condition_words(condition.term)})"
    terms = condition.terms
    if all(isinstance(term, Occurs) for term in terms):
        return _quantified(condition.count, [str(term.index + 1) for term in terms if isinstance(term, Occurs)])
    inner = [words if isinstance(term, Occurs) else f"({words})" for term in terms for words in [condition_words(term)]]
    if condition.count == len(terms):
        return " and ".join(inner)
    return " or ".join(inner) if condition.count == 1 else f"at least {condition.count} of: {'; '.join(inner)}"


def _quantified(wanted: int, numbers: list[str]) -> str:
    if wanted == 1:
        return f"{numbers[0]} occurs" if len(numbers) == 1 else _plain(numbers, Operator.OR)
    if wanted == len(numbers):
        return _plain(numbers, Operator.AND)
    return f"at least {wanted} of {listed(numbers, 'and')} occur"
