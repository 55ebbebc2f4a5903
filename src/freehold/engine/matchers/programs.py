"""Hashes of parts of Windows programs: of their sections, and of the list of what they import."""

from collections.abc import Iterator, Sequence

from freehold.bundle import Segment
from freehold.engine.matchers.hashes import Hashes
from freehold.model.about import HashedPart
from freehold.model.artifact import Artifact
from freehold.model.layout import Layout
from freehold.model.limits import Budget
from freehold.model.report import Detection

_PIECE = 1 << 20


class ProgramMatcher:
    """Compares PE programs with the section and import hashes of all segments."""

    name = "program parts"

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._sections = Hashes(segments, HashedPart.PE_SECTION)
        self._imports = Hashes(segments, HashedPart.PE_IMPORTS)

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each part whose hash is known."""
        if artifact.file_type != "pe":
            return
        from freehold.engine.landmarks import Program

        layout = Program(artifact).layout()
        if layout is None:
            return
        for section in layout.sections:
            if section.size:
                yield from self._match_section(artifact, section.start, section.size, budget)
        if self._imports:
            yield from self._match_imports(artifact, layout)

    def _match_section(self, artifact: Artifact, start: int, size: int, budget: Budget) -> Iterator[Detection]:
        hashing = self._sections.begin(size)
        if hashing is None:
            return
        for offset in range(start, start + size, _PIECE):
            hashing.update(memoryview(artifact.view.read(offset, min(_PIECE, start + size - offset))))
            budget.tick()
        yield from hashing.detections(artifact, start, size)

    def _match_imports(self, artifact: Artifact, layout: Layout) -> Iterator[Detection]:
        from freehold.formats.peimports import import_list

        imports = import_list(artifact.view, layout)
        hashing = None if imports is None else self._imports.begin(len(imports))
        if hashing is not None and imports is not None:
            hashing.update(memoryview(imports))
            yield from hashing.detections(artifact, 0, 0)
