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
    """Whether a condition is true when exactly these patterns occur; asks for no more of them than it must."""
    if isinstance(condition, Occurs):
        return condition.index in occurring
    if isinstance(condition, Not):
        return not holds(condition.term, occurring)
    wanted, left = condition.count, len(condition.terms)
    for term in condition.terms:
        if wanted <= 0 or left < wanted:
            break
        wanted -= holds(term, occurring)
        left -= 1
    return wanted <= 0
