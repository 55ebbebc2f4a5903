"""Byte patterns: Hyperscan tells which may occur and where about; only rules that may hold are looked at exactly.

Content is searched in pieces, because Hyperscan tells of each piece which needles occur in it. Verification, which is
a hundred times slower, then looks only around those pieces.
"""

from collections.abc import Callable, Container, Iterator

from freehold.bundle import Root, Segment
from freehold.bundle.rules import Pattern, Rule
from freehold.engine.matchers.databases import collector, load_database
from freehold.engine.matchers.verification import Places, Span, Verifier
from freehold.model.artifact import Artifact
from freehold.model.condition import Condition, Not, Occurs, holds
from freehold.model.errors import LimitReached
from freehold.model.filetype import Target
from freehold.model.limits import Budget
from freehold.model.report import EVIDENCE_BYTES, Detection

PIECE = 1 << 15
"""Bytes that are searched at once."""

_Possible = dict[int, list[Places]]
"""The patterns of a rule that may occur, with the places of what was found of each."""


class _LoadedRoot:
    __slots__ = ("_collect", "_hits", "_root", "_scan", "_uses")

    def __init__(self, root: Root) -> None:
        self._root = root
        self._uses: dict[int, list[tuple[int, int]]] = {}
        self._scan = load_database(root.database())
        self._hits: set[int] = set()
        self._collect = collector(self._hits)

    def needles(self, piece: memoryview) -> set[int]:
        """Return the needles that occur in a piece; the set is good until the next piece."""
        self._hits.clear()
        self._scan(piece, self._collect)
        return self._hits

    def uses(self, needle: int) -> list[tuple[int, int]]:
        """Return the (rule, pattern) pairs that a needle stands for."""
        uses = self._uses.get(needle)
        if uses is None:
            uses = self._uses[needle] = self._root.uses(needle)
        return uses


class Patterns:
    """The patterns of one segment.

    Attributes:
        overlap: bytes by which the windows must overlap.
    """

    __slots__ = ("_chosen", "_roots", "_rules", "_segment", "_verifiers", "overlap")

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._roots = {root.target: _LoadedRoot(root) for root in segment.roots}
        self._chosen: dict[Target, list[_LoadedRoot]] = {}
        self._rules: dict[int, Rule] = {}
        self._verifiers: dict[Pattern, Verifier] = {}
        self.overlap = segment.overlap

    def begin(self, artifact: Artifact) -> "Search | None":
        """Return a search through one artifact; None when no pattern looks at content of its type."""
        target = artifact.target
        roots = self._chosen.get(target)
        if roots is None:
            groups = dict.fromkeys((Target.ANY, target))
            roots = self._chosen[target] = [self._roots[group] for group in groups if group in self._roots]
        return Search(self, artifact, roots) if roots else None

    def detections(self, artifact: Artifact, budget: Budget, possible: dict[int, _Possible]) -> Iterator[Detection]:
        """Look exactly at every rule that may hold.

        Raises:
            LimitReached: some rules could not be decided; those that could be are yielded first.
        """
        undecided: LimitReached | None = None
        known: dict[Pattern, Span | None] = {}

        def find(pattern: Pattern, places: list[Places]) -> Span | None:
            if pattern not in known:  # rules share patterns
                known[pattern] = self._verifier(pattern).first(artifact.view, places, budget)
            return known[pattern]

        for number, patterns in sorted(possible.items()):
            rule = self._rule(number)
            if rule.maximum_size is not None and artifact.view.size > rule.maximum_size:
                continue
            if may_hold(rule.condition, patterns):
                occurrences = _Occurrences(rule, patterns, find)
                try:
                    if holds(rule.condition, occurrences):
                        yield self._detection(artifact, rule, occurrences.first())
                except LimitReached as limit:
                    undecided = limit
                    budget.tick()
        if undecided is not None:
            raise undecided

    def _verifier(self, pattern: Pattern) -> Verifier:
        """Return the search for one pattern; made once."""
        verifier = self._verifiers.get(pattern)
        if verifier is None:
            verifier = self._verifiers[pattern] = Verifier(pattern)
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

    __slots__ = ("_artifact", "_found", "_overlap", "_patterns")

    def __init__(self, patterns: Patterns, artifact: Artifact, roots: list[_LoadedRoot]) -> None:
        self._patterns = patterns
        self._artifact = artifact
        self._found: list[tuple[_LoadedRoot, dict[int, Places]]] = [(root, {}) for root in roots]
        self._overlap = patterns.overlap

    def update(self, offset: int, window: memoryview) -> None:
        """Search one window, which begins ``offset`` bytes from the artifact's start."""
        for start in range(0, max(len(window) - self._overlap, 1), PIECE):
            piece = window[start : start + PIECE + self._overlap]
            for root, places in self._found:
                for needle in root.needles(piece):
                    if needle not in places:
                        places[needle] = Places()
                    places[needle].add(offset + start, offset + start + len(piece))

    def finish(self, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each rule whose condition holds; raises ``LimitReached``."""
        possible: dict[int, _Possible] = {}
        for root, places in self._found:
            for needle, where in places.items():
                for rule, pattern in root.uses(needle):
                    possible.setdefault(rule, {}).setdefault(pattern, []).append(where)
        if possible:
            yield from self._patterns.detections(self._artifact, budget, possible)


class _Occurrences:
    """The patterns of one rule that occur, each looked for when it is first asked for."""

    __slots__ = ("_find", "_found", "_possible", "_rule")

    def __init__(self, rule: Rule, possible: _Possible, find: Callable[[Pattern, list[Places]], Span | None]) -> None:
        self._rule = rule
        self._possible = possible
        self._find = find
        self._found: dict[int, Span | None] = {}

    def __contains__(self, pattern: object) -> bool:
        if not isinstance(pattern, int) or pattern not in self._possible:
            return False
        if pattern not in self._found:
            self._found[pattern] = self._find(self._rule.patterns[pattern], self._possible[pattern])
        return self._found[pattern] is not None

    def first(self) -> Span:
        """Return the first span that was found."""
        return min(span for span in self._found.values() if span is not None)


def may_hold(condition: Condition, possible: Container[int]) -> bool:
    """Whether a condition can be true when no other patterns than these may occur."""
    if isinstance(condition, Occurs):
        return condition.index in possible
    if isinstance(condition, Not):
        return True
    wanted, left = condition.count, len(condition.terms)
    for term in condition.terms:
        if wanted <= 0 or left < wanted:
            break
        wanted -= may_hold(term, possible)
        left -= 1
    return wanted <= 0
