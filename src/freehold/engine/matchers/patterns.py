"""Byte patterns: Hyperscan tells which may occur, and only the rules that may hold are looked at exactly."""

from collections.abc import Iterator

from freehold.bundle import Root, Segment
from freehold.bundle.rules import Rule
from freehold.engine.matchers.databases import collector, load_database
from freehold.engine.matchers.verification import Span, Verifier
from freehold.model.artifact import Artifact
from freehold.model.condition import Condition, Not, Occurs, holds
from freehold.model.errors import LimitReached
from freehold.model.filetype import Target
from freehold.model.limits import Budget
from freehold.model.report import EVIDENCE_BYTES, Detection


class _LoadedRoot:
    __slots__ = ("root", "scan")

    def __init__(self, root: Root) -> None:
        self.root = root
        self.scan = load_database(root.database())


class Patterns:
    """The patterns of one segment.

    Attributes:
        overlap: bytes by which the windows must overlap.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._roots = {root.target: _LoadedRoot(root) for root in segment.roots}
        self._rules: dict[int, Rule] = {}
        self._verifiers: dict[tuple[int, int], Verifier] = {}
        self.overlap = segment.overlap

    def begin(self, artifact: Artifact) -> "Search | None":
        """Return a search through one artifact; None when no pattern looks at content of its type."""
        roots = [root for root in (self._roots.get(Target.ANY), self._roots.get(artifact.target)) if root is not None]
        if len(roots) == 2 and roots[0] is roots[1]:
            roots.pop()
        return Search(self, artifact, roots) if roots else None

    def detections(self, artifact: Artifact, budget: Budget, hits: list[tuple[Root, set[int]]]) -> Iterator[Detection]:
        """Look exactly at every rule that may hold.

        Raises:
            LimitReached: some rules could not be decided; those that could be are yielded first.
        """
        possible: dict[int, set[int]] = {}
        for root, needles in hits:
            for needle in needles:
                for user, pattern in root.uses(needle):
                    possible.setdefault(user, set()).add(pattern)
        undecided: LimitReached | None = None
        for number, patterns in sorted(possible.items()):
            rule = self._rule(number)
            if rule.maximum_size is not None and artifact.view.size > rule.maximum_size:
                continue
            if may_hold(rule.condition, patterns):
                occurrences = _Occurrences(self, number, patterns, artifact, budget)
                try:
                    if holds(rule.condition, occurrences):
                        yield self._detection(artifact, rule, occurrences.first())
                except LimitReached as limit:
                    undecided = limit
                    budget.tick()
        if undecided is not None:
            raise undecided

    def verifier(self, rule: int, pattern: int) -> Verifier:
        """Return the search for one pattern of a rule; made once."""
        verifier = self._verifiers.get((rule, pattern))
        if verifier is None:
            verifier = self._verifiers[rule, pattern] = Verifier(self._rule(rule).patterns[pattern])
        return verifier

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
    """The search through one artifact; collects which needles occur."""

    __slots__ = ("_artifact", "_hits", "_patterns", "_roots")

    def __init__(self, patterns: Patterns, artifact: Artifact, roots: list[_LoadedRoot]) -> None:
        self._patterns = patterns
        self._artifact = artifact
        self._roots = roots
        self._hits: list[set[int]] = [set() for _ in roots]

    def update(self, window: memoryview) -> None:
        """Search one window."""
        for root, hits in zip(self._roots, self._hits, strict=True):
            root.scan(window, collector(hits))

    def finish(self, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each rule whose condition holds; raises ``LimitReached``."""
        if any(self._hits):
            hits = [(root.root, needles) for root, needles in zip(self._roots, self._hits, strict=True)]
            yield from self._patterns.detections(self._artifact, budget, hits)


class _Occurrences:
    """The patterns of one rule that occur, each looked for when it is first asked for."""

    __slots__ = ("_artifact", "_budget", "_found", "_patterns", "_possible", "_rule")

    def __init__(self, patterns: Patterns, rule: int, possible: set[int], artifact: Artifact, budget: Budget) -> None:
        self._patterns = patterns
        self._rule = rule
        self._possible = possible
        self._artifact = artifact
        self._budget = budget
        self._found: dict[int, Span | None] = {}

    def __contains__(self, pattern: object) -> bool:
        if not isinstance(pattern, int) or pattern not in self._possible:
            return False
        if pattern not in self._found:
            verifier = self._patterns.verifier(self._rule, pattern)
            self._found[pattern] = verifier.first(self._artifact.view, self._budget)
        return self._found[pattern] is not None

    def first(self) -> Span:
        """Return the first span that was found."""
        return min(span for span in self._found.values() if span is not None)


def may_hold(condition: Condition, possible: set[int]) -> bool:
    """Whether a condition can be true when no other patterns than these may occur."""
    if isinstance(condition, Occurs):
        return condition.index in possible
    if isinstance(condition, Not):
        return True
    return sum(may_hold(term, possible) for term in condition.terms) >= condition.count
