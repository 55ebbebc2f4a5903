"""Allow lists: of content that its owner knows, and of programs whose signers are trusted, nothing is reported."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from freehold.engine.matchers.hashes import Hashes
from freehold.model.artifact import Artifact
from freehold.model.interfaces import Matcher
from freehold.model.limits import Budget
from freehold.model.report import Detection

if TYPE_CHECKING:  # few databases have rules over certificates
    from freehold.engine.matchers.certificates import Certificates


class Allowed:
    """What is allowed: by its digest, or by who signed it."""

    def __init__(self, hashes: Hashes, certificates: "Sequence[Certificates]" = ()) -> None:
        self._hashes = hashes
        self._certificates = certificates

    def __bool__(self) -> bool:
        return bool(self._hashes or self._certificates)

    def covers(self, artifact: Artifact, budget: Budget) -> bool:
        """Whether an artifact, or one that it was found in, is allowed."""
        layer: Artifact | None = artifact
        while layer is not None:
            if self._has_digest(layer, budget):
                return True
            if any(certificates.trusts(layer, budget) for certificates in self._certificates):
                return True
            layer = layer.parent
        return False

    def _has_digest(self, artifact: Artifact, budget: Budget) -> bool:
        hashing = self._hashes.begin(artifact.view.size)
        if hashing is None:
            return False
        for _, window in artifact.view.windows(0):
            hashing.update(window)
            budget.tick()
        return any(True for _ in hashing.found())


class AllowingMatcher:
    """Leaves out what another matcher finds in allowed artifacts, and in what they contain.

    Artifacts are hashed for this only when something was found in them.
    """

    def __init__(self, matcher: Matcher, allowed: Allowed) -> None:
        self.name = matcher.name
        self._matcher = matcher
        self._allowed = allowed

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """See ``Matcher.match``."""
        found = self._matcher.match(artifact, budget)
        first = next(found, None)
        if first is not None and not self._allowed.covers(artifact, budget):
            yield first
            yield from found
