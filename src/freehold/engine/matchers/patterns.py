"""Byte patterns: Hyperscan finds where expressions end, Python looks only at the rules that have any."""

import time
from collections.abc import Callable, Iterator

import hyperscan

from freehold.bundle import Root, Segment
from freehold.bundle.rules import Rule
from freehold.engine.matchers.evidence import Span, locate
from freehold.model.artifact import Artifact
from freehold.model.condition import holds
from freehold.model.errors import TrustError
from freehold.model.filetype import Target
from freehold.model.limits import Budget
from freehold.model.report import EVIDENCE_BYTES, Detection

SURROUNDINGS = 2
"""Bytes on either side of a match that an anchored expression may look at; the compiler adds them to the overlap."""

_CLOCK = 0xFFFF
"""After so many repeated matches in one window the clock is looked at."""

_Ends = dict[int, int]
_OnMatch = Callable[[int, int, int, int, object], bool]


class _LoadedRoot:
    __slots__ = ("root", "scan")

    def __init__(self, root: Root) -> None:
        self.root = root
        try:
            database = hyperscan.loadb(root.database(), hyperscan.HS_MODE_BLOCK)
            database.scratch = hyperscan.Scratch(database)
        except (hyperscan.DatabasePlatformError, hyperscan.DatabaseVersionError) as error:
            raise TrustError("the database was compiled for another CPU or Hyperscan; rebuild it here") from error
        except hyperscan.error as error:
            raise TrustError(f"Hyperscan refuses the database ({error}); build or fetch it again") from error
        self.scan: Callable[..., None] = database.scan


class Patterns:
    """The patterns of one segment.

    Attributes:
        overlap: bytes by which the windows must overlap.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._roots = {root.target: _LoadedRoot(root) for root in segment.roots}
        self._rules: dict[int, Rule] = {}
        self.overlap = segment.overlap

    def begin(self, artifact: Artifact) -> "Search | None":
        """Return a search through one artifact; None when no pattern looks at content of its type."""
        roots = [root for root in (self._roots.get(Target.ANY), self._roots.get(artifact.target)) if root is not None]
        if len(roots) == 2 and roots[0] is roots[1]:
            roots.pop()
        return Search(self, artifact, roots) if roots else None

    def detections(self, artifact: Artifact, hits: list[tuple[Root, _Ends]]) -> Iterator[Detection]:
        """Evaluate every rule that has a pattern among the hits."""
        occurring: dict[int, dict[int, tuple[Root, int, int]]] = {}
        for root, ends in hits:
            for expression, end in ends.items():
                for user, pattern in root.uses(expression):
                    occurring.setdefault(user, {})[pattern] = (root, expression, end)
        for number, patterns in sorted(occurring.items()):
            rule = self._rule(number)
            too_large = rule.maximum_size is not None and artifact.view.size > rule.maximum_size
            if not too_large and holds(rule.condition, patterns):
                spans = [locate(artifact.view, *where) for where in patterns.values()]
                yield self._detection(artifact, rule, min(spans))

    def _rule(self, number: int) -> Rule:
        rule = self._rules.get(number)
        if rule is None:
            rule = self._rules[number] = Rule.from_record(self._segment.rule(number))
        return rule

    def _detection(self, artifact: Artifact, rule: Rule, span: Span) -> Detection:
        about = self._segment.about(rule.about)
        start, end = span
        return Detection(
            name=about.name,
            artifact=artifact.lineage,
            offset=start,
            length=end - start,
            source=about.source,
            category=about.category,
            verdict=about.verdict,
            evidence=artifact.view.read(start, min(end - start, EVIDENCE_BYTES)),
            description=about.description,
        )


class Search:
    """The search through one artifact; keeps, for each expression that matched, where it first ended."""

    __slots__ = ("_artifact", "_hits", "_patterns", "_roots", "_size")

    def __init__(self, patterns: Patterns, artifact: Artifact, roots: list[_LoadedRoot]) -> None:
        self._patterns = patterns
        self._artifact = artifact
        self._size = artifact.view.size
        self._roots = roots
        self._hits: list[_Ends] = [{} for _ in roots]

    def update(self, offset: int, window: memoryview, budget: Budget) -> None:
        """Search one window, which begins ``offset`` bytes into the content."""
        whole = len(window) == self._size
        for root, ends in zip(self._roots, self._hits, strict=True):
            collect = _collector(ends, budget, offset)
            if not whole:
                collect = self._in_window(root.root, offset, window, collect)
            try:
                root.scan(window, collect)
            except hyperscan.ScanTerminated:
                budget.tick()

    def finish(self) -> Iterator[Detection]:
        """Yield a detection for each rule whose condition holds."""
        if any(self._hits):
            hits = [(root.root, ends) for root, ends in zip(self._roots, self._hits, strict=True)]
            yield from self._patterns.detections(self._artifact, hits)

    def _in_window(self, root: Root, offset: int, window: memoryview, collect: _OnMatch) -> _OnMatch:
        """Leave out what only seems to match because the window ends where the content does not.

        An anchored expression's match counts in the window that has it together with what surrounds it; windows
        overlap by enough for one of them to have that.
        """
        first = 0 if offset == 0 else self._patterns.overlap - SURROUNDINGS
        last = len(window) if offset + len(window) == self._size else len(window) - SURROUNDINGS
        anchored = root.anchored

        def on_match(expression: int, start: int, end: int, flags: int, context: object) -> bool:
            if expression < anchored and not first < end <= last:
                return False
            return collect(expression, start, end, flags, context)

        return on_match


def _collector(ends: _Ends, budget: Budget, offset: int) -> _OnMatch:
    """Return a callback for Hyperscan that keeps the first end of each expression's matches."""
    repeated = 0

    def on_match(expression: int, _: int, end: int, __: int, ___: object) -> bool:
        nonlocal repeated
        if expression not in ends:
            ends[expression] = offset + end
            return False
        repeated += 1
        return repeated & _CLOCK == 0 and time.monotonic() > budget.deadline

    return on_match
