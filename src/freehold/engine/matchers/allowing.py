"""Allow lists: content that its owner knows, whose detections are not reported."""

from collections.abc import Iterator

from freehold.engine.matchers.hashes import Hashes
from freehold.model.artifact import Artifact
from freehold.model.interfaces import Matcher
from freehold.model.limits import Budget
from freehold.model.report import Detection


class AllowingMatcher:
    """Leaves out what another matcher finds in allowed artifacts, and in what they contain.

    Artifacts are hashed for this only when something was found in them.
    """

    def __init__(self, matcher: Matcher, allowed: Hashes) -> None:
        self.name = matcher.name
        self._matcher = matcher
        self._allowed = allowed

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """See ``Matcher.match``."""
        found = self._matcher.match(artifact, budget)
        first = next(found, None)
        if first is not None and not allows(self._allowed, artifact, budget):
            yield first
            yield from found


def allows(allowed: Hashes, artifact: Artifact, budget: Budget) -> bool:
    """Whether an artifact, or one that it was found in, is on a list."""
    layer: Artifact | None = artifact
    while layer is not None:
        hashing = allowed.begin(layer.view.size)
        if hashing is not None:
            for _, window in layer.view.windows(0):
                hashing.update(window)
                budget.tick()
            if any(True for _ in hashing.found()):
                return True
        layer = layer.parent
    return False
