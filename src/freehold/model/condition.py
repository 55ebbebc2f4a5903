"""Conditions over the patterns of a rule."""

from collections.abc import Container
from typing import NamedTuple


class Occurs(NamedTuple):
    """True when pattern number ``index`` occurs at least once."""

    index: int  # type: ignore[assignment]  # nobody asks a condition for tuple.index


class AtLeast(NamedTuple):
    """True when ``count`` or more of the terms are true: *all of*, *any of*, *two of*."""

    count: int  # type: ignore[assignment]  # nor for tuple.count
    terms: "tuple[Condition, ...]"


class Not(NamedTuple):
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
