"""The evaluation of the logical signatures whose atoms occur in an artifact; loaded when the first of them does."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from freehold.bundle import Segment
from freehold.bundle.programs import ProgramRecord
from freehold.engine.landmarks import Program
from freehold.engine.matchers.logical.bodies import LandmarksOf
from freehold.engine.matchers.logical.evaluation import LogicalProgram, Surroundings
from freehold.engine.matchers.logical.gates import Gate, gate_of, stands_open
from freehold.engine.matchers.logical.layers import file_type_of, stands_in
from freehold.engine.matchers.logical.pictures import Picture
from freehold.engine.matchers.logical.roots import MOST_PLACES, Bodies
from freehold.engine.matchers.logical.text import Text
from freehold.engine.normalise.views import Form
from freehold.model.artifact import Artifact
from freehold.model.body import Landmarks
from freehold.model.errors import LimitReached
from freehold.model.filetype import Target
from freehold.model.limits import Budget
from freehold.model.logical import Range, TargetDescription
from freehold.model.report import EVIDENCE_BYTES, Detection
from freehold.model.view import View

if TYPE_CHECKING:  # few signatures ask for icons or macros
    from freehold.engine.matchers.logical.icons import KnownIcons, ProgramIcons
    from freehold.engine.matchers.logical.macros import MacroGroups

_KEPT = 4096
"""Signatures of one segment that stay decoded."""

_ELSEWHERE = Landmarks()
_NO_ICONS = (None, None)


class _LoadedProgram:
    """One signature, decoded as far as somebody asked."""

    __slots__ = ("_program", "_record", "about", "description")

    def __init__(self, record: ProgramRecord) -> None:
        self._record = record
        self._program: LogicalProgram | None = None
        self.about = record.about
        self.description = record.description

    def holds(self, surroundings: Surroundings, called: Bodies) -> tuple[int, int] | None:
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


class Programs:
    """The signatures of a segment.

    Attributes:
        segment: as given.
        program: decodes one, given its number and its target.
    """

    __slots__ = ("_gates", "program", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self._gates: dict[tuple[Target, str], dict[Gate | None, list[int]]] = {}
        self.program: Callable[[int, Target], _LoadedProgram] = lru_cache(_KEPT)(
            lambda number, target: _LoadedProgram(segment.program(number, target))
        )

    def uncalled(self, target: Target, container: str, numbers: Sequence[int], view: View) -> Iterator[int]:
        """Yield those that may hold of the programs that no atom calls for in a container."""
        gates = self._gates.get((target, container))
        if gates is None:
            gates = self._gates[target, container] = {}
            for number in numbers:
                gates.setdefault(gate_of(*self.segment.program(number, target).decode()), []).append(number)
        for gate, behind in gates.items():
            if stands_open(gate, view):
                yield from behind


class Shared:
    """What the signatures of all segments share.

    Attributes:
        normal_size: whether the size of a text is that of its normal form. ClamAV writes texts to files as soon as any
            signature for texts counts an offset from their end, and then takes the size of that file.
    """

    __slots__ = ("_icons", "_macros", "_segments", "normal_size")

    def __init__(self, segments: Sequence[Segment], *, normal_size: bool) -> None:
        self.normal_size = normal_size
        self._segments = segments
        self._icons: KnownIcons | None = None
        self._macros: MacroGroups | None = None

    def macros(self) -> "MacroGroups":
        """Return the macro groups that signatures may refer to."""
        if self._macros is None:
            from freehold.engine.matchers.logical.macros import MacroGroups

            self._macros = MacroGroups(self._segments)
        return self._macros

    def icons(self) -> "KnownIcons":
        """Return the icons that programs may be asked for."""
        if self._icons is None:
            from freehold.engine.matchers.logical.icons import KnownIcons

            self._icons = KnownIcons(self._segments)
        return self._icons


class Comparison:
    """The comparison of one artifact, in all its forms."""

    __slots__ = (
        "_artifact",
        "_budget",
        "_form",
        "_found",
        "_icons",
        "_macros",
        "_picture",
        "_program",
        "_shared",
        "_surroundings",
        "undecided",
    )

    def __init__(self, artifact: Artifact, picture: Picture, budget: Budget, shared: Shared) -> None:
        self._artifact = artifact
        self._picture = picture
        self._shared = shared
        self._icons: ProgramIcons | None = None
        self._budget = budget
        self._program = Program(artifact)
        self._found: set[tuple[Programs, int]] = set()
        self._macros: dict[tuple[Target, int], list[int]] = {}
        self._form: Form | None = None
        self._surroundings: Surroundings | None = None
        self.undecided: LimitReached | None = None

    def run(
        self, programs: Programs, form: Form, target: Target, called: Sequence[tuple[int, Bodies]]
    ) -> Iterator[Detection]:
        """Yield a detection for each of these signatures that holds for this form and held for none before.

        Args:
            programs: a segment's.
            form: what they are compared with.
            target: which they look at.
            called: their numbers, each with those bodies of its cover that may occur.
        """
        surroundings = self._around(form, target)
        original = form.name == "nothing" or (form.name == "text" and not self._shared.normal_size)
        size = self._artifact.view.size if original else form.content.size
        for number, bodies in called:
            program = programs.program(number, target)
            known = programs, program.about
            if known in self._found or not self._applies(program.description, size, surroundings.landmarks):
                continue
            evidence = self._evaluate(program, surroundings, bodies)
            if evidence is not None:
                self._found.add(known)
                self._ask_for_type(program.description)
                yield self._detection(programs.segment, program, form, evidence)

    def _around(self, form: Form, target: Target) -> Surroundings:
        """Return what all signatures share that look at a form."""
        if self._surroundings is None or form is not self._form:
            landmarks = self._program.landmarks if form.name == "raw" else _elsewhere
            picture = self._picture.digest if form.name == "raw" else _no_picture
            self._form = form
            self._macros.clear()
            self._surroundings = Surroundings(Text(form.content), landmarks, _no_macros, picture, self._budget)
        return self._surroundings._replace(macros=partial(self._macro_starts, target))

    def _macro_starts(self, target: Target, group: int) -> list[int]:
        """Return where members of a macro group start in the form that is looked at."""
        starts = self._macros.get((target, group))
        if starts is None:
            assert self._surroundings is not None  # noqa: S101 - who asks for macros looks at something
            text = self._surroundings.text
            starts = self._macros[target, group] = self._shared.macros().starts(target, group, text, self._budget)
        return starts

    def _evaluate(self, program: _LoadedProgram, surroundings: Surroundings, bodies: Bodies) -> tuple[int, int] | None:
        try:
            evidence = program.holds(surroundings, bodies)
            return evidence if evidence is not None and self._has_icon(program.description) else None
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

    def _has_icon(self, description: TargetDescription) -> bool:
        """Whether it has an icon that a signature asks for: the dearest question, and so the last one."""
        if description.icon_groups == _NO_ICONS:
            return True
        if self._icons is None:
            self._icons = self._shared.icons().program(self._program, self._artifact.view, self._budget)
        return self._icons.are_of(description.icon_groups)

    def _ask_for_type(self, description: TargetDescription) -> None:
        """Have the artifact examined once more as the type that a signature which holds takes it for."""
        file_type = None if description.handler is None else file_type_of(description.handler)
        known = (self._artifact.file_type, *self._artifact.other_types)
        if file_type is not None and file_type not in known and not self._artifact.retyped:
            self._artifact.other_types.append(file_type)

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


def _elsewhere() -> Landmarks:
    return _ELSEWHERE


def _no_macros(_group: int) -> tuple[int, ...]:
    return ()


def _no_picture() -> None:
    return None
