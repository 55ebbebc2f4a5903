"""Logical signatures: Hyperscan tells whose atoms occur, and those that cheap facts leave are evaluated exactly."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from freehold.bundle import LogicalRoot, Segment
from freehold.bundle.programs import MOST_SUBSIGNATURES, ProgramRecord
from freehold.engine.landmarks import Program
from freehold.engine.matchers.databases import Scan, load_database
from freehold.engine.matchers.logical import regexes  # noqa: F401 - workers can import nothing later
from freehold.engine.matchers.logical.bodies import LandmarksOf
from freehold.engine.matchers.logical.evaluation import LogicalProgram, Surroundings
from freehold.engine.matchers.logical.layers import container, stands_in
from freehold.engine.matchers.logical.text import Text
from freehold.engine.normalise.views import Form, forms
from freehold.model.artifact import Artifact
from freehold.model.body import Landmarks
from freehold.model.errors import LimitReached
from freehold.model.filetype import Target
from freehold.model.limits import Budget
from freehold.model.logical import Range, TargetDescription
from freehold.model.report import EVIDENCE_BYTES, Detection

OVERLAP = 64
"""Bytes by which windows overlap: no atom is longer."""

LARGE = 4 << 20
"""A Hyperscan database of more bytes is loaded by the worker that first needs it, not by all scans at their start."""

MOST_PLACES = 64
"""Of an atom that occurs more often, it is not known where."""

_KEPT = 4096
"""Signatures of one segment that stay decoded."""

_ELSEWHERE = Landmarks()

_Bodies = dict[int, list[int]]
"""Places of the atoms of a program's bodies, by the bodies' numbers."""


class LogicalMatcher:
    """Compares the forms of an artifact with the logical signatures of all segments."""

    name = "logical"

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = [_LoadedSegment(segment) for segment in segments if segment.logical_roots]
        self._wanted = frozenset(target for segment in self._segments for target in segment.roots)

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each signature that holds.

        Raises:
            LimitReached: some signatures could not be decided; those that could be are yielded first.
        """
        comparison = _Comparison(artifact, budget)
        for form in forms(artifact, self._wanted, budget):
            for segment in self._segments:
                yield from comparison.run(segment, form)
        if comparison.undecided is not None:
            raise comparison.undecided


class _LoadedRoot:
    __slots__ = ("_scan", "root")

    def __init__(self, root: LogicalRoot) -> None:
        self.root = root
        self._scan: Scan | None = None
        if root.size <= LARGE:
            self._load()

    def _load(self) -> Scan:
        serialised = self.root.database()
        self._scan = load_database(serialised) if serialised else _no_atoms
        return self._scan

    def called(self, form: Form, above: str, budget: Budget) -> list[tuple[int, _Bodies]]:
        """Return the programs that may hold for a form, in order, each with those bodies of its cover that may occur.

        Args:
            form: what is looked at.
            above: the container's type.
            budget: raises ``LimitReached``.
        """
        programs: dict[int, _Bodies] = {
            number: {} for number in (*self.root.always.get("", ()), *self.root.always.get(above, ()))
        }
        for atom, places in self._places(form, budget).items():
            for body in self.root.users(atom):
                program, index = divmod(body, MOST_SUBSIGNATURES)
                programs.setdefault(program, {}).setdefault(index, []).extend(places)
        return sorted(programs.items())

    def _places(self, form: Form, budget: Budget) -> dict[int, list[int]]:
        """Return where the last byte of each atom that occurs stands, the first ``MOST_PLACES`` times."""
        places: dict[int, list[int]] = {}
        scan = self._scan or self._load()
        offset = 0

        def on_match(atom: int, _: int, end: int, __: int, ___: object) -> None:
            known = places.setdefault(atom, [])
            if len(known) < MOST_PLACES:
                known.append(offset + end - 1)

        for offset, window in form.content.windows(OVERLAP):  # noqa: B007 - on_match reads it
            scan(window, on_match)
            budget.tick()
        return places


class _LoadedProgram:
    """One signature, decoded as far as somebody asked."""

    __slots__ = ("_program", "_record", "about", "description")

    def __init__(self, record: ProgramRecord) -> None:
        self._record = record
        self._program: LogicalProgram | None = None
        self.about = record.about
        self.description = record.description

    def holds(self, surroundings: Surroundings, called: _Bodies) -> tuple[int, int] | None:
        """Evaluate it; of the bodies of its cover only these may occur."""
        program = self._program
        if program is None:
            program = self._program = LogicalProgram(*self._record.decode())
        cover = self._record.cover
        text, budget = surroundings.text, surroundings.budget
        possible = {
            index
            for index, places in called.items()
            if len(places) >= MOST_PLACES or program.may_occur(index, text, budget, places)
        }
        if cover and not possible:
            return None
        return program.holds(surroundings, cover - possible)


class _LoadedSegment:
    __slots__ = ("program", "roots", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.roots = {root.target: _LoadedRoot(root) for root in segment.logical_roots}
        self.program: Callable[[int, Target], _LoadedProgram] = lru_cache(_KEPT)(
            lambda number, target: _LoadedProgram(segment.program(number, target))
        )


class _Comparison:
    """The comparison of one artifact, in all its forms."""

    __slots__ = ("_above", "_artifact", "_budget", "_found", "_program", "undecided")

    def __init__(self, artifact: Artifact, budget: Budget) -> None:
        self._artifact = artifact
        self._budget = budget
        self._above = container(artifact)
        self._program = Program(artifact)
        self._found: set[int] = set()
        self.undecided: LimitReached | None = None

    def run(self, segment: _LoadedSegment, form: Form) -> Iterator[Detection]:
        """Yield a detection for each signature of a segment that holds for this form and held for none before."""
        landmarks = self._program.landmarks if form.name == "raw" else _elsewhere
        surroundings = Surroundings(Text(form.content), landmarks, _no_macros, self._budget)
        size = self._artifact.view.size if form.name == "text" else form.content.size
        for target in form.targets:
            root = segment.roots.get(target)
            if root is None:
                continue
            for number, called in root.called(form, self._above, self._budget):
                program = segment.program(number, target)
                if program.about in self._found or not self._applies(program.description, size, landmarks):
                    continue
                evidence = self._evaluate(program, surroundings, called)
                if evidence is not None:
                    self._found.add(program.about)
                    yield self._detection(segment.segment, program, form, evidence)

    def _evaluate(self, program: _LoadedProgram, surroundings: Surroundings, called: _Bodies) -> tuple[int, int] | None:
        try:
            return program.holds(surroundings, called)
        except LimitReached as limit:
            self.undecided = limit
            self._budget.tick()
            return None

    def _applies(self, description: TargetDescription, size: int, landmarks: LandmarksOf) -> bool:
        """Whether this is an artifact that a signature looks at."""
        if not _within(description.file_size, size):
            return False
        if (description.container or description.intermediates) and not stands_in(self._artifact, description):
            return False
        if description.sections is None and description.entry_point is None:
            return True
        known = landmarks()
        if known is None or known.entry_point is None:
            return False
        return _within(description.sections, len(known.sections)) and _within(
            description.entry_point, known.entry_point
        )

    def _detection(self, segment: Segment, program: _LoadedProgram, form: Form, evidence: tuple[int, int]) -> Detection:
        about = segment.about(program.about)
        offset, length = evidence
        return Detection(
            name=about.name,
            artifact=self._artifact.lineage,
            offset=offset,
            length=length,
            source=about.source,
            category=about.category,
            verdict=about.verdict,
            evidence=form.content.read(offset, min(length, EVIDENCE_BYTES)),
            description=about.description,
        )


def _within(allowed: Range | None, number: int) -> bool:
    return allowed is None or allowed.minimum <= number <= allowed.maximum


def _no_atoms(_window: memoryview, _on_match: object) -> None:
    """Search for nothing."""


def _elsewhere() -> Landmarks:
    return _ELSEWHERE


def _no_macros(_group: int) -> tuple[int, ...]:
    return ()
