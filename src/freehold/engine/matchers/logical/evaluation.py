"""Whether a logical signature holds, found out with as little searching as its expression allows."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from freehold.engine.matchers.logical.bodies import BodySearch, LandmarksOf
from freehold.engine.matchers.logical.numbers import compares
from freehold.engine.matchers.logical.text import Literals, Text
from freehold.model.body import Anchor, Bytes, Part
from freehold.model.limits import Budget
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Comparison,
    Expression,
    Group,
    ImageHash,
    Leaf,
    MacroMatch,
    Operator,
    RegexMatch,
    Subsignature,
)

_Counted = tuple[int, list[int]]
_NEVER: _Counted = (0, [])
_Search = Callable[["Surroundings", int | None], _Counted]


class Surroundings(NamedTuple):
    """What signatures are compared with.

    Attributes:
        text: the bytes.
        landmarks: where offsets are counted from; asked only when a signature needs it.
        macros: where the bodies of a macro group start, in order; asked likewise.
        picture: the hash of the picture that is looked at, if it is one; asked likewise.
        budget: raises ``LimitReached``.
    """

    text: Text
    landmarks: LandmarksOf
    macros: Callable[[int], Sequence[int]]
    picture: Callable[[], bytes | None]
    budget: Budget


class LogicalProgram:
    """An expression and its subsignatures, ready to be evaluated on any number of artifacts."""

    __slots__ = ("_bodies", "_costs", "_enough", "_expression", "_literals", "_searches", "_subsignatures", "_whole")

    def __init__(self, expression: Expression, subsignatures: Sequence[Subsignature]) -> None:
        self._expression = expression
        self._subsignatures = subsignatures
        self._costs = [_cost(subsignature) for subsignature in subsignatures]
        self._enough = 1 + max((c.value for c in _comparisons(expression, subsignatures)), default=0)
        self._whole = _counted_whole(subsignatures)
        self._bodies: dict[int, BodySearch] = {}
        self._literals: Literals | None = None
        self._searches: dict[int, _Search] = {}

    def holds(self, surroundings: Surroundings, absent: Iterable[int] = ()) -> tuple[int, int] | None:
        """Return the offset and length of some evidence when the signature matches; raises ``LimitReached``.

        ``absent`` are subsignatures that are known not to match.
        """
        evaluation = _Evaluation(self, surroundings, absent)
        surroundings.text.expect(self._expected)
        return evaluation.evidence() if evaluation.truth(self._expression) else None

    def _expected(self) -> Literals:
        if self._literals is None:
            bodies = [index for index, s in enumerate(self._subsignatures) if isinstance(s, BodyMatch)]
            distinct = {literal: None for index in bodies for literal in self._body(index).literals()}
            self._literals = Literals(tuple(distinct))
        return self._literals

    def enough(self, index: int) -> int | None:
        """Return the count of a subsignature beyond which nothing changes; None: all of its matches matter."""
        return None if index in self._whole else self._enough

    def cost(self, index: int) -> int:
        """Return how dear it is to begin with a subsignature."""
        return self._costs[index]

    def may_occur(self, index: int, text: Text, budget: Budget, places: Sequence[int]) -> bool:
        """Whether a body may occur that has an atom nowhere but at these places (of the atoms' last bytes)."""
        if isinstance(self._subsignatures[index], ImageHash):
            return True  # its hash called for it
        return self._body(index).may_occur(text, budget, places)

    def subsignature(self, index: int) -> Subsignature:
        """Return subsignature number ``index``."""
        return self._subsignatures[index]

    def search(self, index: int) -> _Search:
        """Return how to count a body or a regular expression; made once."""
        search = self._searches.get(index)
        if search is None:
            search = self._searches[index] = self._search(index)
        return search

    def _search(self, index: int) -> _Search:
        subsignature = self._subsignatures[index]
        if isinstance(subsignature, BodyMatch):
            return partial(_run, self._body(index).count)
        if isinstance(subsignature, RegexMatch):
            from freehold.engine.matchers.logical.regexes import RegexSearch

            return partial(_run, RegexSearch(subsignature).count)
        return _never

    def _body(self, index: int) -> BodySearch:
        body = self._bodies.get(index)
        if body is None:
            subsignature = self._subsignatures[index]
            assert isinstance(subsignature, BodyMatch)  # noqa: S101 - callers know
            body = self._bodies[index] = BodySearch(subsignature)
        return body


class _Evaluation:
    """One evaluation of a program; remembers what was counted."""

    __slots__ = ("_counted", "_program", "_surroundings")

    def __init__(self, program: LogicalProgram, surroundings: Surroundings, absent: Iterable[int]) -> None:
        self._program = program
        self._surroundings = surroundings
        self._counted: dict[int, _Counted] = dict.fromkeys(absent, _NEVER)

    def truth(self, expression: Expression) -> bool:
        """Evaluate where only truth matters: the cheaper side first, the other one only if it can change anything."""
        if isinstance(expression, Leaf):
            return _passes(expression.comparison, self._count(expression.index)[0])
        if expression.comparison is not None:
            return self._totals(expression)[0]
        sides = sorted((expression.left, expression.right), key=self._cost)
        if expression.operator is Operator.AND:
            return self.truth(sides[0]) and self.truth(sides[1])
        return self.truth(sides[0]) or self.truth(sides[1])

    def _cost(self, expression: Expression) -> int:
        """Return how dear it is to begin with an expression; what is known already is free."""
        if isinstance(expression, Leaf):
            return 0 if expression.index in self._counted else self._program.cost(expression.index)
        return min(self._cost(expression.left), self._cost(expression.right))

    def evidence(self) -> tuple[int, int]:
        """Return where the first body that was found starts, and how long that match is."""
        starts = [counted[1][0] for _, counted in sorted(self._counted.items()) if counted[1]]
        return (starts[0], 0) if starts else (0, 0)

    def _totals(self, expression: Expression) -> tuple[bool, int, frozenset[int]]:
        """Return truth, total and the subsignatures that contributed."""
        if isinstance(expression, Leaf):
            count = self._count(expression.index)[0]
            if not _passes(expression.comparison, count):
                return False, 0, frozenset()
            return True, count, frozenset({expression.index})
        left, left_total, left_ids = self._totals(expression.left)
        right, right_total, right_ids = self._totals(expression.right)
        truth = (left and right) if expression.operator is Operator.AND else (left or right)
        total = left_total + right_total if truth else 0
        ids = left_ids | right_ids if truth else frozenset()
        if expression.comparison is None:
            return truth, total, ids
        if not expression.comparison.holds(total) or len(ids) < expression.distinct:
            return False, 0, frozenset()
        return True, total, frozenset()

    def _count(self, index: int) -> _Counted:
        counted = self._counted.get(index)
        if counted is None:
            counted = self._counted[index] = self._find(index)
        return counted

    def _find(self, index: int) -> _Counted:
        subsignature = self._program.subsignature(index)
        if isinstance(subsignature, ByteComparison):
            count, starts = self._count(subsignature.reference)
            last = starts[-1] if starts else 0
            return int(count > 0 and compares(subsignature, self._surroundings.text, last)), []
        if isinstance(subsignature, ImageHash):
            return int(self._surroundings.picture() == subsignature.digest), []
        if isinstance(subsignature, MacroMatch):
            near = self._near_macros(subsignature, self._count(index - 1)[1] if index else [])
            return len(near), near
        if isinstance(subsignature, RegexMatch) and not self.truth(subsignature.trigger):
            return 0, []
        return self._program.search(index)(self._surroundings, self._program.enough(index))

    def _near_macros(self, macro: MacroMatch, starts: list[int]) -> list[int]:
        places = self._surroundings.macros(macro.group)
        near = []
        for start in starts:
            next_place = bisect_left(places, start + macro.minimum)
            if next_place < len(places) and places[next_place] <= start + macro.maximum:
                near.append(start)
        return near


def _passes(comparison: Comparison | None, count: int) -> bool:
    return count > 0 if comparison is None else comparison.holds(count)


def _run(
    count: Callable[[Text, LandmarksOf, Budget, int | None], _Counted], surroundings: Surroundings, enough: int | None
) -> _Counted:
    return count(surroundings.text, surroundings.landmarks, surroundings.budget, enough)


def _never(_surroundings: Surroundings, _enough: int | None) -> _Counted:
    return 0, []


def _cost(subsignature: Subsignature) -> int:
    """Fixed places are cheap; the longer a literal, the sooner it says no; expressions and pictures come last.

    A row of parts is dearer than one part.
    """
    if isinstance(subsignature, RegexMatch | ImageHash):
        return 1_000
    if not isinstance(subsignature, BodyMatch):
        return 500
    if subsignature.offset.anchor is not Anchor.ANY:
        return 1
    longest = max(_exact_bytes(part) for body in subsignature.forms for part in body.parts)
    return 2 * (100 - min(98, longest)) + any(body.gaps for body in subsignature.forms)


def _exact_bytes(part: Part) -> int:
    """Return the length of a part's longest run of exact bytes, roughly: of its longest element without a wildcard."""
    return max((len(e.value) for e in part.elements if isinstance(e, Bytes) and not e.mask), default=0)


def _counted_whole(subsignatures: Sequence[Subsignature]) -> frozenset[int]:
    """Return the subsignatures whose last start others refer to."""
    compared = {s.reference for s in subsignatures if isinstance(s, ByteComparison)}
    before_macros = {index - 1 for index, s in enumerate(subsignatures) if isinstance(s, MacroMatch)}
    return frozenset(compared | before_macros)


def _comparisons(expression: Expression, subsignatures: Sequence[Subsignature]) -> Iterator[Comparison]:
    """Yield every comparison of counts, those of triggers included."""
    pending = [expression, *(s.trigger for s in subsignatures if isinstance(s, RegexMatch))]
    while pending:
        here = pending.pop()
        if here.comparison is not None:
            yield here.comparison
        if isinstance(here, Group):
            pending += (here.left, here.right)
