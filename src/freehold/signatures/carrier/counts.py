"""Counts of subsignatures that make an expression true, and patterns that make a rule's condition true."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from freehold.model.condition import holds
from freehold.model.logical import (
    ByteComparison,
    Comparison,
    Expression,
    Group,
    Leaf,
    Operator,
    RegexMatch,
    Relation,
    evaluate,
)
from freehold.model.signature import AtLeast, Condition, LogicalSignature, Not, Occurs, PatternSignature
from freehold.signatures.carrier.errors import CannotCarry

ATTEMPTS = 20
"""How often a choice among alternatives is tried anew."""


def wanted_counts(signature: LogicalSignature, rng: Random) -> list[int]:
    """Return for each subsignature how often it should match; raises ``CannotCarry`` when no counts are found."""
    for _ in range(ATTEMPTS):
        counts = [0] * len(signature.subsignatures)
        for index, count in _solve(signature.expression, rng).items():
            counts[index] = count
        for index, subsignature in enumerate(signature.subsignatures):
            if counts[index] and isinstance(subsignature, ByteComparison):
                _want(counts, subsignature.reference)
        triggers = [
            s.trigger
            for s, count in zip(signature.subsignatures, counts, strict=True)
            if count and isinstance(s, RegexMatch)
        ]
        for trigger in triggers:
            for index, count in _solve(trigger, rng).items():
                counts[index] = max(counts[index], count)
        if all(evaluate(expression, counts) for expression in (signature.expression, *triggers)):
            return counts
    raise CannotCarry("no counts are found that make the expression true")


def _want(counts: list[int], index: int) -> None:
    if index >= len(counts):
        raise CannotCarry("a byte comparison refers to no subsignature")
    counts[index] = max(counts[index], 1)


def true_for(signature: LogicalSignature, occurring: Sequence[int]) -> bool:
    """Whether a signature matches where these subsignatures occur, each as often as it is named."""
    named = Counter(occurring)
    counts: list[int] = []
    for index, subsignature in enumerate(signature.subsignatures):
        count = named[index]
        if isinstance(subsignature, RegexMatch):
            count = min(count, count if "g" in subsignature.flags else 1)
            count *= evaluate(subsignature.trigger, counts)
        elif isinstance(subsignature, ByteComparison):
            count = min(count, 1)
        counts.append(count)
    return evaluate(signature.expression, counts)


def wanted_patterns(signature: PatternSignature, rng: Random) -> list[int]:
    """Return the patterns of a rule that should occur; raises ``CannotCarry`` when none are found."""
    for _ in range(ATTEMPTS):
        occurring = _solve_condition(signature.condition, rng, wanted=True)
        if holds(signature.condition, occurring):
            return sorted(occurring)
    raise CannotCarry("no patterns are found that make the condition true")


def _solve_condition(condition: Condition, rng: Random, *, wanted: bool) -> frozenset[int]:
    if isinstance(condition, Occurs):
        return frozenset({condition.index} if wanted else ())
    if isinstance(condition, Not):
        return _solve_condition(condition.term, rng, wanted=not wanted)
    return _solve_some(condition, rng, wanted=wanted)


def _solve_some(condition: AtLeast, rng: Random, *, wanted: bool) -> frozenset[int]:
    size = condition.count if wanted else len(condition.terms) - condition.count + 1
    chosen = rng.sample(condition.terms, size)
    return frozenset().union(*(_solve_condition(term, rng, wanted=wanted) for term in chosen))


def _solve(expression: Expression, rng: Random) -> dict[int, int]:
    if isinstance(expression, Leaf):
        return {expression.index: _satisfying(expression.comparison, rng)}
    if expression.comparison is not None:
        return _solve_group(expression, expression.comparison, rng)
    if expression.operator is Operator.OR:
        return _solve(rng.choice((expression.left, expression.right)), rng)
    return _merged(_solve(expression.left, rng), _solve(expression.right, rng))


def _satisfying(comparison: Comparison | None, rng: Random) -> int:
    if comparison is None:
        return 1
    if comparison.relation is Relation.EQUAL:
        return comparison.value
    if comparison.relation is Relation.MORE:
        return comparison.value + 1
    return rng.randrange(max(comparison.value, 1))


def _merged(left: dict[int, int], right: dict[int, int]) -> dict[int, int]:
    return left | {index: max(count, left.get(index, 0)) for index, count in right.items()}


def _solve_group(group: Group, comparison: Comparison, rng: Random) -> dict[int, int]:
    total = _satisfying(comparison, rng)
    if total == 0:
        return {}
    if group.operator is Operator.AND:
        counts = _merged(_solve(group.left, rng), _solve(group.right, rng))
    else:
        counts = {}
        members = _leaves(group)
        rng.shuffle(members)
        while members and (not counts or len(counts) < min(group.distinct, total)):
            counts = _merged(counts, _solve(members.pop(), rng))
    growing = next((index for index, count in counts.items() if count), None)
    if growing is not None:
        counts[growing] += max(total - sum(counts.values()), 0)
    return counts


def _leaves(expression: Expression) -> list[Leaf]:
    if isinstance(expression, Leaf):
        return [expression]
    return _leaves(expression.left) + _leaves(expression.right)
