"""Logical signatures: Hyperscan tells whose atoms occur, and those that cheap facts leave are evaluated exactly."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pcre2  # noqa: F401 - the evaluation of programs, which is loaded late, can load nothing native

from freehold.bundle import Segment
from freehold.engine.matchers.logical.layers import container
from freehold.engine.matchers.logical.pictures import Picture, prepare
from freehold.engine.matchers.logical.roots import LoadedRoot
from freehold.engine.normalise.views import Form, forms
from freehold.model.artifact import Artifact
from freehold.model.filetype import Target
from freehold.model.limits import Budget
from freehold.model.report import Detection
from freehold.model.view import BytesView

if TYPE_CHECKING:  # most artifacts have no atom, so nothing to evaluate
    from freehold.engine.matchers.logical.comparison import Comparison, Programs, Shared


class LogicalMatcher:
    """Compares the forms of an artifact with the logical signatures of all segments."""

    name = "logical"

    def __init__(self, segments: Sequence[Segment], *, normal_size: bool = False) -> None:
        self._segments = [_LoadedSegment(segment) for segment in segments if segment.logical_roots]
        self._wanted = frozenset(target for segment in self._segments for target in segment.roots)
        self._all = segments
        prepare([root for segment in segments for root in segment.logical_roots])
        self._shared: Shared | None = None
        self._normal_size = normal_size

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        """Yield a detection for each signature that holds.

        Raises:
            LimitReached: some signatures could not be decided; those that could be are yielded first.
        """
        above = container(artifact)
        picture = Picture(artifact, budget)
        comparison = None
        for form in self._forms(artifact, budget):
            for segment, target in ((s, t) for s in self._segments for t in form.targets if t in s.roots):
                called = segment.roots[target].called(form, segment.uncalled(target, above, form), picture, budget)
                if called:
                    if comparison is None:
                        comparison = self._comparison(artifact, picture, budget)
                    yield from comparison.run(segment.programs(), form, target, called)
        undecided = picture.undecided if comparison is None else comparison.undecided or picture.undecided
        if undecided is not None:
            raise undecided

    def _forms(self, artifact: Artifact, budget: Budget) -> Iterator[Form]:
        """Yield the forms, and nothing at all after a text where ClamAV writes texts to files.

        It then evaluates the signatures once more in which nothing has occurred.
        """
        for form in forms(artifact, self._wanted, budget):
            yield form
            if form.name == "text" and self._normal_size:
                yield Form(form.targets, "nothing", BytesView(b""))

    def _comparison(self, artifact: Artifact, picture: Picture, budget: Budget) -> "Comparison":
        from freehold.engine.matchers.logical.comparison import Comparison, Shared

        if self._shared is None:
            self._shared = Shared(self._all, normal_size=self._normal_size)
        return Comparison(artifact, picture, budget, self._shared)


class _LoadedSegment:
    __slots__ = ("_programs", "roots", "segment")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.roots: dict[Target, LoadedRoot] = {root.target: LoadedRoot(root) for root in segment.logical_roots}
        self._programs: Programs | None = None

    def uncalled(self, target: Target, above: str, form: Form) -> Iterator[int]:
        """Yield the programs that may hold although no atom calls for them, given the container's type."""
        always = self.roots[target].root.always
        for asked in ("", above):
            if asked in always:
                yield from self.programs().uncalled(target, asked, always[asked], form.content)

    def programs(self) -> "Programs":
        """Return its signatures, decoded as far as somebody asked."""
        if self._programs is None:
            from freehold.engine.matchers.logical.comparison import Programs

            self._programs = Programs(self.segment)
        return self._programs
