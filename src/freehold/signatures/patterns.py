"""Collecting byte patterns by the groups of file types that they look at, and compiling each group with Hyperscan."""

from collections.abc import Callable

import hyperscan

from freehold.bundle.rules import Rule
from freehold.bundle.writer import SegmentWriter
from freehold.model.condition import holds
from freehold.model.errors import MalformedInput
from freehold.model.filetype import Target
from freehold.model.signature import Expression, PatternSignature
from freehold.signatures.expressions import Needle, Shape, compile_database, measure


class Patterns:
    """All pattern signatures of one segment."""

    def __init__(self, segment: SegmentWriter) -> None:
        self._segment = segment
        self._shapes: dict[Expression, Shape] = {}
        self._users: dict[Target, dict[Needle, set[tuple[int, int]]]] = {}
        self.targets: dict[str, int] = {}

    def add(self, signature: PatternSignature) -> None:
        """Take one signature; raises ``MalformedInput`` when it cannot be honoured."""
        if holds(signature.condition, set()):
            raise MalformedInput("its condition holds for content without any of its patterns")
        shapes = [self._shape(number, expression) for number, expression in enumerate(signature.patterns)]
        patterns = tuple((shape.regex.decode("latin-1"), shape.flags, shape.longest) for shape in shapes)
        rule = Rule(self._segment.about(signature.about), signature.maximum_size, signature.condition, patterns)
        number = self._segment.rule(rule.to_record())
        targets = (Target.ANY,) if Target.ANY in signature.targets else signature.targets
        for target in targets:
            self.targets[target.name.lower()] = self.targets.get(target.name.lower(), 0) + 1
            users = self._users.setdefault(target, {})
            for index, shape in enumerate(shapes):
                for needle in shape.needles:
                    users.setdefault(needle, set()).add((number, index))

    @property
    def overlap(self) -> int:
        """Bytes by which windows must overlap so that each match lies in one of them."""
        return max((shape.longest for shape in self._shapes.values()), default=0)

    def write(self, progress: Callable[[str], None]) -> None:
        """Compile and write one root for each group of file types."""
        for target, users in sorted(self._users.items()):
            progress(f"compiling patterns for {target.name.lower()}")
            needles = sorted(users)
            database = compile_database(needles)
            self._segment.root(target, hyperscan.dumpb(database), [sorted(users[needle]) for needle in needles])

    def _shape(self, number: int, expression: Expression) -> Shape:
        if expression not in self._shapes:
            try:
                self._shapes[expression] = measure(expression)
            except MalformedInput as error:
                raise MalformedInput(f"pattern {number + 1}: {error}") from error
        return self._shapes[expression]
