"""Ignore lists that came after what they name: signatures of older segments that are not reported any more."""

from collections.abc import Container, Iterator

from freehold.model.artifact import Artifact
from freehold.model.interfaces import Matcher
from freehold.model.limits import Budget
from freehold.model.report import Detection


class IgnoringMatcher:
    """Leaves out what another matcher finds by signatures of these names."""

    def __init__(self, matcher: Matcher, names: Container[str]) -> None:
        self.name = matcher.name
        self._matcher = matcher
        self._names = names

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """See ``Matcher.match``."""
        return (found for found in self._matcher.match(artifact, budget) if found.name not in self._names)
