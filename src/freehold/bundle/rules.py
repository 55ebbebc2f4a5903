"""Rules as records of a bundle: which patterns must occur together.

A record is ``[kind, …]``; the one kind so far is ``patterns``: ``[kind, about, maximum size or null, condition]``. A
condition is the number of a pattern, ``["not", condition]``, or ``[count, condition, …]``: at least so many of them.
"""

from dataclasses import dataclass
from typing import Any

from freehold.model.condition import AtLeast, Condition, Not, Occurs
from freehold.model.errors import TrustError

_PATTERNS = "patterns"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over patterns.

    Attributes:
        about: number of its about-record.
        maximum_size: content larger than this many bytes is not looked at; None for no bound.
        condition: over the rule's patterns.
    """

    about: int
    maximum_size: int | None
    condition: Condition

    def to_record(self) -> list[Any]:
        """Return the rule as JSON values."""
        return [_PATTERNS, self.about, self.maximum_size, _encode(self.condition)]

    @classmethod
    def from_record(cls, record: Any) -> "Rule":
        """Rebuild a rule from a verified record; raises ``TrustError`` for a kind that is not known."""
        if record[0] != _PATTERNS:
            raise TrustError(f"the database has rules of a kind that this Freehold does not know ({record[0]})")
        _, about, maximum_size, condition = record
        return cls(about, maximum_size, _decode(condition))


def _encode(condition: Condition) -> Any:
    if isinstance(condition, Occurs):
        return condition.index
    if isinstance(condition, Not):
        return ["not", _encode(condition.term)]
    return [condition.count, *map(_encode, condition.terms)]


def _decode(value: Any) -> Condition:
    if isinstance(value, int):
        return Occurs(value)
    if value[0] == "not":
        return Not(_decode(value[1]))
    return AtLeast(value[0], tuple(map(_decode, value[1:])))
