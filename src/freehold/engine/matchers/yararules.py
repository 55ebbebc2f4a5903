"""YARA rules by YARA-X, which needs the whole artifact in memory at once.

No time limit is set: YARA-X would start a thread for it, which a worker may not. Its scan time is linear in the size,
the size is bounded (``Limits.whole_bytes``), and the pool's deadline ends what still takes too long.
"""

import datetime  # noqa: F401, ICN001 - YARA-X imports it with the first result, when a worker can import no more
import io
import json  # noqa: F401 - see above
from collections.abc import Iterator, Sequence
from typing import Any

import yara_x

from freehold.bundle import Segment
from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached, TrustError
from freehold.model.limits import Budget
from freehold.model.report import EVIDENCE_BYTES, Detection


class YaraMatcher:
    """Compares content with the YARA rules of all segments."""

    name = "yara"

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._scanners = [(_scanner(segment), segment.yara_lines()) for segment in segments]

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each rule that matches.

        Raises:
            LimitReached: the artifact is larger than ``whole_bytes``; none of it was looked at, because conditions on
                sizes and counts would be wrong for a part.
        """
        size = artifact.view.size
        if size > budget.limits.whole_bytes:
            raise LimitReached("whole_bytes", budget.limits.whole_bytes)
        content = artifact.view.read(0, size)
        for scanner, lines in self._scanners:
            for rule in scanner.scan(content).matching_rules:
                line = lines.get(rule.namespace, {}).get(rule.identifier, 1)
                yield _detection(artifact, content, rule, f"{rule.namespace}:{line}")
            budget.tick()


def _scanner(segment: Segment) -> yara_x.Scanner:
    try:
        rules = yara_x.Rules.deserialize_from(io.BytesIO(segment.native("yara.compiled")))
    except OSError as error:
        raise TrustError(f"YARA-X refuses the database ({error}); rebuild it here") from error
    scanner = yara_x.Scanner(rules)
    scanner.fast_scan(True)
    return scanner


def _detection(artifact: Artifact, content: bytes, rule: Any, source: str) -> Detection:
    matches = [(match.offset, match.length) for pattern in rule.patterns for match in pattern.matches]
    offset, length = min(matches, default=(0, 0))
    meta = dict(rule.metadata)
    return Detection(
        name=rule.identifier,
        artifact=artifact.lineage,
        offset=offset,
        length=length,
        source=source,
        category=str(meta.get("category", "")),
        evidence=content[offset : offset + min(length, EVIDENCE_BYTES)],
        description=str(meta.get("description", "")),
    )
