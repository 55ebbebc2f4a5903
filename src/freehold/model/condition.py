"""Conditions over the patterns of a rule."""

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Occurs:
    """True when pattern number ``index`` occurs at least once."""

    index: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """True when ``count`` or more of the terms are true: *all of*, *any of*, *two of*."""

    count: int
    terms: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """True when the term is false."""

    term: "Condition"


Condition = Occurs | AtLeast | Not


def holds(condition: Condition, occurring: Container[int]) -> bool:
    """Whether a condition is true when exactly these patterns occur."""
    if isinstance(condition, Occurs):
        return condition.index in occurring
    if isinstance(condition, Not):
        return not holds(condition.term, occurring)
    return sum(holds(term, occurring) for term in condition.terms) >= condition.count
