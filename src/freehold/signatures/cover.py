"""Which subsignatures a logical signature cannot do without: one of its cover has matched whenever it holds."""

from collections.abc import Callable, Sequence

from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Expression,
    ImageHash,
    Leaf,
    Operator,
    RegexMatch,
    Subsignature,
)

Cover = frozenset[int]
"""Numbers of bodies and hashes of pictures; the empty cover is that of an expression which never holds."""


def cover(expression: Expression, subsignatures: Sequence[Subsignature], weigh: Callable[[int], float]) -> Cover | None:
    """Return the lightest set of bodies and hashes of which one has a count above zero whenever the expression holds.

    Args:
        expression: over the counts of the subsignatures.
        subsignatures: in order.
        weigh: what it costs to look for a body; infinite when it cannot be looked for.

    Returns:
        None when there is no such set of finite weight: the expression must be evaluated for every artifact.
    """
    found = _Covers(subsignatures, weigh).of(expression)
    return found if found is None or sum(map(weigh, found)) < float("inf") else None


class _Covers:
    def __init__(self, subsignatures: Sequence[Subsignature], weigh: Callable[[int], float]) -> None:
        self._subsignatures = subsignatures
        self._weigh = weigh

    def of(self, expression: Expression) -> Cover | None:
        if isinstance(expression, Leaf):
            if expression.comparison is not None and expression.comparison.holds(0):
                return None
            return self._matched(expression.index)
        comparison = expression.comparison
        if comparison is not None and comparison.holds(0) and not expression.distinct:
            return None
        left, right = self.of(expression.left), self.of(expression.right)
        if expression.operator is Operator.AND:
            joined = self._lighter(left, right)
        else:
            joined = None if left is None or right is None else left | right
        if joined is None and comparison is not None and not comparison.holds(0):
            return self._any_leaf(expression)
        return joined

    def _lighter(self, left: Cover | None, right: Cover | None) -> Cover | None:
        covers = [side for side in (left, right) if side is not None]
        return min(covers, key=lambda side: sum(map(self._weigh, side)), default=None)

    def _any_leaf(self, expression: Expression) -> Cover | None:
        """Of those whose counts add up to a total above zero, one has a count above zero itself."""
        if isinstance(expression, Leaf):
            return self._matched(expression.index)
        left, right = self._any_leaf(expression.left), self._any_leaf(expression.right)
        return None if left is None or right is None else left | right

    def _matched(self, index: int) -> Cover | None:
        """Return the cover of "subsignature ``index`` has a count above zero"."""
        subsignature = self._subsignatures[index]
        if isinstance(subsignature, BodyMatch | ImageHash):
            return frozenset({index})
        if isinstance(subsignature, RegexMatch):
            return self.of(subsignature.trigger)
        if isinstance(subsignature, ByteComparison):
            return self._referred(subsignature.reference)
        return self._matched(index - 1) if index else frozenset()  # a macro

    def _referred(self, reference: int) -> Cover | None:
        """Comparisons may refer to one another in a circle, which never holds; only bodies and the like count."""
        if reference >= len(self._subsignatures) or isinstance(self._subsignatures[reference], ByteComparison):
            return frozenset()
        return self._matched(reference)
