"""One pass over an artifact's bytes that feeds everything which needs them: the hashes and the pattern searches."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from freehold.bundle import Segment
from freehold.engine.matchers.hashes import Hashes, Hashing
from freehold.model.about import HashedPart
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.report import Detection

if TYPE_CHECKING:  # loads PCRE, and not every database has patterns
    from freehold.engine.matchers.patterns import Patterns, Search


class ContentMatcher:
    """Compares content with the hashes and byte patterns of all segments; large content is read once, in windows."""

    name = "content"

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._hashes = Hashes(segments, HashedPart.CONTENT)
        self._patterns = _patterns([segment for segment in segments if segment.roots])
        self._overlap = max((patterns.overlap for patterns in self._patterns), default=0)

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield the detections by hash, then those by pattern."""
        hashing = self._hashes.begin(artifact.view.size)
        searches = [search for patterns in self._patterns if (search := patterns.begin(artifact)) is not None]
        if hashing is None and not searches:
            return
        self._read(artifact, budget, hashing, searches)
        if hashing is not None:
            yield from hashing.finish(artifact)
        for search in searches:
            yield from search.finish(budget)

    def _read(self, artifact: Artifact, budget: Budget, hashing: Hashing | None, searches: "list[Search]") -> None:
        done = 0
        for offset, window in artifact.view.windows(self._overlap):
            if hashing is not None:
                hashing.update(window[done - offset :])
                done = offset + len(window)
            for search in searches:
                search.update(offset, window)
            budget.tick()


def _patterns(segments: "Sequence[Segment]") -> "list[Patterns]":
    if not segments:
        return []
    from freehold.engine.matchers.patterns import Patterns

    return [Patterns(segment) for segment in segments]
