"""Macro groups: bodies of which any may stand near another subsignature."""

from collections.abc import Sequence

from freehold.bundle import Segment
from freehold.engine.matchers.logical.bodies import BodySearch
from freehold.engine.matchers.logical.text import Text
from freehold.model.body import Landmarks
from freehold.model.filetype import Target
from freehold.model.limits import Budget

_NOWHERE = Landmarks()


class MacroGroups:
    """The macro groups of all segments."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._members: dict[tuple[Target, int], list[BodySearch]] = {}
        for segment in segments:
            for root in segment.logical_roots:
                for group, members in root.macros().items():
                    searches = self._members.setdefault((root.target, int(group)), [])
                    searches += [BodySearch(member) for member in members]

    def starts(self, target: Target, group: int, text: Text, budget: Budget) -> list[int]:
        """Return where members of a group start, in order; raises ``LimitReached``."""
        starts: set[int] = set()
        for search in self._members.get((target, group), ()):
            starts.update(search.count(text, lambda: _NOWHERE, budget)[1])
        return sorted(starts)
