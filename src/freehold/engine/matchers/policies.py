"""Comparing what artifacts say of their system with the indicators of prohibited products."""

from collections.abc import Iterator, Sequence

from freehold.bundle import Segment
from freehold.engine.inventory import Item, items
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorTable
from freehold.model.report import EVIDENCE_BYTES, Detection, Verdict


class PolicyMatcher:
    """Reports what belongs to a prohibited product."""

    name = "policies"

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._table: IndicatorTable[tuple[Segment, int]] = IndicatorTable()
        for segment in segments:
            for kind, value, about in segment.indicators():
                self._table.add(kind, value, (segment, about))

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each indicator that an artifact shows, once; once more for what only remains of it."""
        seen: set[tuple[str, int, bool]] = set()
        for item in items(artifact, budget):
            for segment, about in self._table.find(item.kind, item.value):
                if (segment.name, about, item.remains) not in seen:
                    seen.add((segment.name, about, item.remains))
                    yield _detection(artifact, item, segment, about)


def _detection(artifact: Artifact, item: Item, segment: Segment, number: int) -> Detection:
    about = segment.about(number)
    value = f"{item.value} {item.detail}".strip().encode("utf-8", "backslashreplace")
    return Detection(
        about.name,
        artifact.lineage,
        item.offset,
        len(value),
        about.source,
        about.category,
        Verdict.SUSPICIOUS if item.remains else about.verdict,
        value[:EVIDENCE_BYTES],
        about.description,
    )
