"""Literals of which every match of a regular expression contains at least one.

Hyperscan looks for thousands of literals at memory speed, while complex expressions cost it seconds to compile and
slow it down; so a regular expression is only run on content in which one of its literals occurs. It is taken apart
by Python's own parser, which reads the syntax that packs may use as PCRE does.
"""

import re._parser as parser  # type: ignore[import-not-found]  # the standard library's own, without stubs
from collections.abc import Sequence
from itertools import product
from typing import Any

SHORTEST = 3
"""A literal shorter than this occurs everywhere."""

LONGEST = 12
"""Bytes of a literal that are looked for; more would not make it rarer."""

MOST = 64
"""Alternatives that are spelled out."""

_SPELLED = 4
"""Bytes of a character class that are spelled out within a literal."""

_COMMON = (b"http", b"http:", b"http://", b"https", b"https:", b"https://")
"""Literals that nearly every text contains, however long they are."""

Literals = frozenset[bytes]


def required(regex: bytes) -> Literals:
    """Return such a set of literals, the rarest that can be had; empty when there is none.

    Raises:
        re.error: it is no regular expression.
    """
    tree = parser.parse(regex)
    return _best(_sets_of(list(tree)))


def width(regex: bytes) -> tuple[int, int]:
    """Return the lengths in bytes of its shortest and its longest match; raises ``re.error``."""
    shortest, longest = parser.parse(regex).getwidth()
    return int(shortest), int(longest)


def _best(sets: Sequence[Literals]) -> Literals:
    """Choose the set whose shortest literal is longest, among equals the smallest; addresses are in every text."""
    usable = [s for s in sets if s and min(map(len, s)) >= SHORTEST]
    return max(usable, key=lambda s: (s.isdisjoint(_COMMON), min(map(len, s)), -len(s), sorted(s)), default=frozenset())


def _sets_of(items: Sequence[Any]) -> list[Literals]:
    """Return sets of literals, each of them such that a match of the sequence contains one of its members."""
    sets: list[Literals] = []
    run: list[Literals] = []

    def finish() -> None:
        if run:
            sets.append(_needed({b"".join(p)[:LONGEST] for p in product(*map(sorted, run))}))
            run.clear()

    for item in items:
        spelled = _spelled(item)
        if spelled is None or _count(run) * len(spelled) > MOST:
            finish()
        if spelled is None:
            sets += _inner_sets(item)
        else:
            run.append(spelled)
    finish()
    return sets


def _needed(literals: set[bytes]) -> Literals:
    """Return the literals that do not contain another one."""
    return frozenset(x for x in literals if not any(other in x for other in literals if other != x))


def _count(run: Sequence[Literals]) -> int:
    count = 1
    for alternatives in run:
        count *= len(alternatives)
    return count


def _spelled(item: Any) -> Literals | None:
    """Return all that an item can match when that is a handful of literals, else None."""
    operation, argument = item
    if operation is parser.LITERAL:
        return frozenset({bytes((argument,))})
    if operation is parser.IN:
        return _class_members(argument)
    if operation is parser.SUBPATTERN:
        return _spelled_sequence(argument[3])
    if operation is parser.BRANCH:
        return _spelled_branches(argument[1])
    if operation in (parser.MAX_REPEAT, parser.MIN_REPEAT) and argument[1] <= LONGEST:
        return _spelled_repeat(argument)
    return None


def _spelled_repeat(argument: Any) -> Literals | None:
    """Return what an item that may be missing, or comes so many times, can match."""
    least, most, items = argument
    inner = _spelled_sequence(items)
    if inner is None:
        return None
    if (least, most) == (0, 1):
        return inner | {b""}
    return frozenset(b * least for b in inner) if least == most and len(inner) == 1 else None


def _spelled_sequence(items: Any) -> Literals | None:
    run = []
    for item in items:
        spelled = _spelled(item)
        if spelled is None:
            return None
        run.append(spelled)
        if _count(run) > MOST:
            return None
    return frozenset(b"".join(p) for p in product(*map(sorted, run)))


def _spelled_branches(branches: Any) -> Literals | None:
    members: set[bytes] = set()
    for branch in branches:
        spelled = _spelled_sequence(branch)
        if spelled is None:
            return None
        members |= spelled
    return frozenset(members) if len(members) <= MOST else None


def _class_members(argument: Any) -> Literals | None:
    members: set[int] = set()
    for operation, value in argument:
        if operation is parser.LITERAL:
            members.add(value)
        elif operation is parser.RANGE:
            members.update(range(value[0], value[1] + 1))
        else:
            return None
    return frozenset(bytes((member,)) for member in members) if len(members) <= _SPELLED else None


def _inner_sets(item: Any) -> list[Literals]:
    """Return the sets of what an item always contains."""
    operation, argument = item
    if operation is parser.SUBPATTERN:
        return _sets_of(list(argument[3]))
    if operation is parser.ATOMIC_GROUP:
        return _sets_of(list(argument))
    if operation in (parser.MAX_REPEAT, parser.MIN_REPEAT, parser.POSSESSIVE_REPEAT) and argument[0] >= 1:
        return _sets_of(list(argument[2]))
    if operation is parser.BRANCH:
        each = [_best(_sets_of(list(branch))) for branch in argument[1]]
        if all(each) and sum(map(len, each)) <= MOST:
            return [frozenset().union(*each)]
    return []
