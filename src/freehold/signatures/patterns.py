"""Collecting byte patterns by the groups of file types that they look at, and compiling each group with Hyperscan."""

from collections.abc import Callable

import hyperscan

from freehold.bundle.rules import Rule
from freehold.bundle.writer import SegmentWriter
from freehold.model.condition import holds
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.signature import Expression, PatternSignature
from freehold.signatures.expressions import Shape, compile_database, measure

SURROUNDINGS = 2
"""Bytes on either side of a match that an anchored expression may look at (``$`` looks beyond a line end)."""


class Patterns:
    """All pattern signatures of one segment."""

    def __init__(self, segment: SegmentWriter) -> None:
        self._segment = segment
        self._shapes: dict[Expression, Shape] = {}
        self._users: dict[Target, dict[Shape, list[tuple[int, int]]]] = {}
        self.targets: dict[str, int] = {}

    def add(self, signature: PatternSignature) -> None:
        """Take one signature; raises ``MalformedInput`` when it cannot be honoured."""
        if holds(signature.condition, set()):
            raise MalformedInput("its condition holds for content without any of its patterns")
        shapes = [self._shape(number, expression) for number, expression in enumerate(signature.patterns)]
        rule = Rule(self._segment.about(signature.about), signature.maximum_size, signature.condition)
        number = self._segment.rule(rule.to_record())
        targets = (Target.ANY,) if Target.ANY in signature.targets else signature.targets
        for target in targets:
            self.targets[target.name.lower()] = self.targets.get(target.name.lower(), 0) + 1
            users = self._users.setdefault(target, {})
            for index, shape in enumerate(shapes):
                users.setdefault(shape, []).append((number, index))

    @property
    def overlap(self) -> int:
        """Bytes by which windows must overlap so that each match lies, with its surroundings, in one of them."""
        return max((shape.longest for shape in self._shapes.values()), default=0) + SURROUNDINGS

    def write(self, progress: Callable[[str], None]) -> None:
        """Compile and write one root for each group of file types."""
        for target, users in sorted(self._users.items()):
            progress(f"compiling patterns for {target.name.lower()}")
            shapes = sorted(users, key=lambda shape: (not shape.anchored, shape.regex, shape.flags))
            database = compile_database([shape.regex for shape in shapes], [_scan_flags(shape) for shape in shapes])
            self._segment.root(
                target,
                hyperscan.dumpb(database),
                sum(shape.anchored for shape in shapes),
                [users[shape] for shape in shapes],
                [[shape.regex.decode("latin-1"), shape.flags, shape.shortest, shape.longest] for shape in shapes],
            )

    def _shape(self, number: int, expression: Expression) -> Shape:
        if expression not in self._shapes:
            try:
                self._shapes[expression] = measure(expression)
            except MalformedInput as error:
                raise MalformedInput(f"pattern {number + 1}: {error}") from error
        return self._shapes[expression]


def _scan_flags(shape: Shape) -> int:
    """One match of each expression is enough, but an anchored one may match falsely at the edge of a window."""
    return shape.flags if shape.anchored else shape.flags | hyperscan.HS_FLAG_SINGLEMATCH
