"""Whole-content hashes: computed only where a table has an entry for this size, and only by its algorithms."""

import hashlib
from collections.abc import Iterator, Sequence

from freehold.bundle import Segment
from freehold.bundle.hashes import HashTable
from freehold.model.about import HashedPart
from freehold.model.artifact import Artifact
from freehold.model.report import EVIDENCE_BYTES, Detection

_Wanted = list[tuple[Segment, HashTable, tuple[int, int]]]


class Hashes:
    """The hash tables of all segments."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._tables = [
            (segment, table)
            for segment in segments
            for (part, _), table in segment.tables.items()
            if part is HashedPart.CONTENT
        ]

    def begin(self, size: int) -> "Hashing | None":
        """Return what it takes to hash content of this size; None when no signature asks for it."""
        wanted: _Wanted = []
        for segment, table in self._tables:
            for entries in (table.of_size(size), table.any_size):
                if entries[0] < entries[1]:
                    wanted.append((segment, table, entries))
        return Hashing(wanted) if wanted else None


class Hashing:
    """The hashing of one artifact, all algorithms in one pass."""

    def __init__(self, wanted: _Wanted) -> None:
        self._wanted = wanted
        self._hashers = {table.algorithm: hashlib.new(table.algorithm, usedforsecurity=False) for _, table, _ in wanted}

    def update(self, data: memoryview) -> None:
        """Take the next bytes of the content."""
        for hasher in self._hashers.values():
            hasher.update(data)

    def finish(self, artifact: Artifact) -> Iterator[Detection]:
        """Note the digests, and yield a detection for each entry that has one of them."""
        digests = {algorithm: hasher.digest() for algorithm, hasher in self._hashers.items()}
        artifact.digests.update((algorithm, digest.hex()) for algorithm, digest in digests.items())
        for segment, table, entries in self._wanted:
            for number in table.find(entries, digests[table.algorithm]):
                about = segment.about(number)
                yield Detection(
                    name=about.name,
                    artifact=artifact.lineage,
                    offset=0,
                    length=artifact.view.size,
                    source=about.source,
                    category=about.category,
                    verdict=about.verdict,
                    evidence=artifact.view.read(0, EVIDENCE_BYTES),
                    description=about.description,
                )
