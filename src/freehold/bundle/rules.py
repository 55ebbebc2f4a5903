"""Rules as records of a bundle: which patterns must occur together.

A record is ``[kind, …]``; the one kind so far is ``patterns``: ``[kind, about, maximum size or null, condition,
patterns]``. A condition is the number of a pattern, ``["not", condition]``, or ``[count, condition, …]``: at least so
many of them. A pattern is ``[regular expression, flags, longest match in bytes]``; the flags are PCRE2's numbers.
"""

from typing import Any, NamedTuple

from freehold.model.condition import AtLeast, Condition, Not, Occurs
from freehold.model.errors import TrustError

_PATTERNS = "patterns"

Pattern = tuple[str, int, int]
"""A regular expression (bytes as Latin-1), PCRE2's flags, and the length of its longest match."""


class Rule(NamedTuple):
    """A condition over patterns.

    Attributes:
        about: number of its about-record.
        maximum_size: content larger than this many bytes is not looked at; None for no bound.
        condition: over the rule's patterns.
        patterns: by their numbers in the condition.
    """

    about: int
    maximum_size: int | None
    condition: Condition
    patterns: tuple[Pattern, ...]

    def to_record(self) -> list[Any]:
        """Return the rule as JSON values."""
        return [_PATTERNS, self.about, self.maximum_size, _encode(self.condition), self.patterns]

    @classmethod
    def from_record(cls, record: Any) -> "Rule":
        """Rebuild a rule from a verified record; raises ``TrustError`` for a kind that is not known."""
        if record[0] != _PATTERNS:
            raise TrustError(f"the database has rules of a kind that this Freehold does not know ({record[0]})")
        _, about, maximum_size, condition, patterns = record
        return cls(about, maximum_size, _decode(condition), tuple((p[0], p[1], p[2]) for p in patterns))


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
