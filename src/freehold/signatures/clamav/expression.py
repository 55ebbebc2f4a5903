"""Logical expressions over counts: ``(0|1>2)&(2&3)=4,2``, read the way ClamAV reads them.

There is no precedence. Outside of parentheses an expression is split at its first operator; directly within a pair of
parentheses, at the last one.
"""

import re
from functools import lru_cache

from freehold.model.errors import MalformedInput
from freehold.model.logical import Comparison, Expression, Group, Leaf, Operator, Relation

MOST_SUBSIGNATURES = 64
"""How many subsignatures one signature may have."""

DEEPEST = 200
"""How deep an expression may be nested, in operators and parentheses."""

_LEAF = re.compile(r"\s*(\d{1,10})")
_RELATION = re.compile(r"[<>=](?=[^<>=]*\Z)\s*(\d{1,10})?")
_GROUP_COMPARISON = re.compile(r"([<>=])\s*(\d{1,10})(?:,\s*(\d{1,10}))?[\d,]*\Z")


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> tuple[Expression, int]:
    """Return the expression and the highest number of a subsignature in it; raises ``MalformedInput``."""
    expression = _parse(text, 0)
    return expression, _highest(expression)


def _highest(expression: Expression) -> int:
    if isinstance(expression, Leaf):
        return expression.index
    return max(_highest(expression.left), _highest(expression.right))


def _parse(text: str, depth: int) -> Expression:
    if depth > DEEPEST:
        raise MalformedInput(f"the expression is nested deeper than {DEEPEST}")
    first, last, closing = _operators(text)
    if first is not None:
        return Group(Operator(text[first]), _parse(text[:first], depth + 1), _parse(text[first + 1 :], depth + 1))
    if last is not None:
        if not text.startswith("("):
            raise MalformedInput(f"{text!r} does not begin with its group")
        left, right = _parse(text[1:last], depth + 1), _parse(text[last + 1 : closing], depth + 1)
        return Group(Operator(text[last]), left, right, *_group_comparison(text[closing + 1 :]))
    if text.startswith("("):
        return _parse(text[1:-1], depth + 1)
    return _leaf(text)


def _operators(text: str) -> tuple[int | None, int | None, int]:
    """Find the first operator outside of parentheses, else the last one at depth 1 and the last parenthesis."""
    depth = closing = 0
    last = None
    for position, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            closing = position
            if depth < 0:
                raise MalformedInput(f"{text!r} has a parenthesis that was never opened")
        elif character in "&|":
            if depth == 0:
                return position, None, 0
            if depth == 1:
                last = position
    if depth:
        raise MalformedInput(f"{text!r} has a parenthesis that is never closed")
    return None, last, closing


def _group_comparison(text: str) -> tuple[Comparison | None, int]:
    if not text:
        return None, 0
    match = _GROUP_COMPARISON.match(text)
    if match is None:
        raise MalformedInput(f"{text!r} is no comparison")
    return Comparison(Relation(match[1]), int(match[2])), int(match[3] or 0)


def _leaf(text: str) -> Leaf:
    match = _LEAF.match(text)
    if match is None or ")" in text:
        raise MalformedInput(f"{text!r} is no number of a subsignature")
    index = int(match[1])
    if index >= MOST_SUBSIGNATURES:
        raise MalformedInput(f"subsignature {index} is above {MOST_SUBSIGNATURES - 1}")
    relation = _RELATION.search(text)
    if relation is None:
        return Leaf(index)
    if relation[1] is None:
        raise MalformedInput(f"{text!r} compares with nothing")
    return Leaf(index, Comparison(Relation(relation[0][0]), int(relation[1])))
