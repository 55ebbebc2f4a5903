"""Signatures of older segments that are not reported any more: a list ignores them, or they were taken back."""

from collections.abc import Container, Iterator

from freehold.model.artifact import Artifact
from freehold.model.interfaces import Matcher
from freehold.model.limits import Budget
from freehold.model.report import Detection


class IgnoringMatcher:
    """Leaves out what another matcher finds by signatures of these names, or from these places.

    Args:
        matcher: another one.
        names: of signatures.
        places: files, and files with a line (``core/base.hsb:812``), that signatures come from.
    """

    def __init__(self, matcher: Matcher, names: Container[str], places: Container[str] = ()) -> None:
        self.name = matcher.name
        self._matcher = matcher
        self._names = names
        self._places = places

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """See ``Matcher.match``."""
        return (found for found in self._matcher.match(artifact, budget) if not self._is_ignored(found))

    def _is_ignored(self, found: Detection) -> bool:
        if found.name in self._names or found.source in self._places:
            return True
        return found.source.rpartition(":")[0] in self._places
