"""Hashes: computed only where a table has an entry for this size, and only by its algorithms."""

import hashlib
from collections.abc import Iterator, Sequence

from freehold.bundle import Segment
from freehold.bundle.hashes import HashTable
from freehold.model.about import About, HashedPart
from freehold.model.artifact import Artifact
from freehold.model.report import EVIDENCE_BYTES, Detection

_Wanted = list[tuple[Segment, HashTable, tuple[int, int]]]


class Hashes:
    """The tables of all segments that hold hashes of one kind of thing."""

    def __init__(self, segments: Sequence[Segment], hashed: HashedPart) -> None:
        self._tables = [
            (segment, table) for segment in segments for (part, _), table in segment.tables.items() if part is hashed
        ]

    def __bool__(self) -> bool:
        return bool(self._tables)

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
        """Note the digests of the whole artifact, and yield a detection for each entry that has one of them."""
        artifact.digests.update((algorithm, hasher.hexdigest()) for algorithm, hasher in self._hashers.items())
        return self.detections(artifact, 0, artifact.view.size)

    def detections(self, artifact: Artifact, offset: int, length: int) -> Iterator[Detection]:
        """Yield a detection for each entry; what was hashed lies there."""
        for about in self.found():
            yield Detection(
                name=about.name,
                artifact=artifact.lineage,
                offset=offset,
                length=length,
                source=about.source,
                category=about.category,
                verdict=about.verdict,
                evidence=artifact.view.read(offset, min(length, EVIDENCE_BYTES)),
                description=about.description,
            )

    def found(self) -> Iterator[About]:
        """Yield what is to be said of each entry that has one of the digests."""
        for segment, table, entries in self._wanted:
            for number in table.find(entries, self._hashers[table.algorithm].digest()):
                yield segment.about(number)
