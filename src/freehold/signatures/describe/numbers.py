"""Counts and ranges in words."""

from freehold.model.logical import Comparison, Range, Relation

_RELATIONS = {Relation.EQUAL: "exactly", Relation.LESS: "fewer than", Relation.MORE: "more than"}


def bytes_words(minimum: int, maximum: int | None) -> str:
    """Return ``5 bytes``, ``4 to 8 bytes``, ``at least 3 bytes``, ``up to 4 bytes``."""
    if maximum is None:
        return f"at least {count(minimum, 'byte')}"
    if minimum == maximum:
        return count(minimum, "byte")
    return f"up to {count(maximum, 'byte')}" if not minimum else f"{minimum:,} to {count(maximum, 'byte')}"


def range_words(span: Range) -> str:
    """Return ``100 to 5,000``."""
    return f"{span.minimum:,}" if span.minimum == span.maximum else f"{span.minimum:,} to {span.maximum:,}"


def comparison_words(comparison: Comparison) -> str:
    """Return ``more than 3``, ``exactly 2``."""
    return f"{_RELATIONS[comparison.relation]} {comparison.value:,}"


def count(number: int, noun: str) -> str:
    """Return ``1 byte``, ``2 bytes``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def times(number: int) -> str:
    """Return ``once``, ``twice``, ``3 times``."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def listed(items: list[str], joint: str) -> str:
    """Return ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {joint} {items[-1]}"
