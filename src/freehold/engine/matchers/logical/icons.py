"""Whether a program has an icon that is close to one of a group: measured when the first signature asks."""

from collections.abc import Callable, Iterator, Sequence
from math import isqrt

from freehold.bundle import Segment
from freehold.engine.landmarks import Program
from freehold.engine.matchers.logical.iconmetrics import measure
from freehold.formats.peicons import icons
from freehold.model.icon import Area, IconMetrics
from freehold.model.limits import Budget
from freehold.model.view import View

_ANY = "*"
_COLORFUL = 4_072
_BRIGHT = 255
_ENOUGH_PLAIN = 70

Groups = tuple[str | None, str | None]


class KnownIcons:
    """The icons of all segments; read when they are first needed."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._icons: list[tuple[tuple[str, str], IconMetrics]] | None = None
        self._of_groups: dict[Groups, dict[int, list[IconMetrics]]] = {}

    def program(self, program: Program, view: View, budget: Budget) -> "ProgramIcons":
        """Return the icons of a program, none of them looked at yet."""
        return ProgramIcons(self, program, view, budget)

    def of(self, groups: Groups) -> dict[int, list[IconMetrics]]:
        """Return the icons of these groups, by the number of sixteens, twenty-fours or thirty-twos (0, 1, 2)."""
        chosen = self._of_groups.get(groups)
        if chosen is None:
            if self._icons is None:
                self._icons = [icon for segment in self._segments for icon in segment.icons()]
            chosen = self._of_groups[groups] = {}
            for names, metrics in self._icons:
                if all(wanted in (None, _ANY, name) for wanted, name in zip(groups, names, strict=True)):
                    chosen.setdefault(_class(metrics.side), []).append(metrics)
        return chosen


class ProgramIcons:
    """The icons of one program."""

    __slots__ = ("_budget", "_known", "_measured", "_program", "_rest", "_view")

    def __init__(self, known: KnownIcons, program: Program, view: View, budget: Budget) -> None:
        self._known = known
        self._program = program
        self._view = view
        self._budget = budget
        self._measured: list[IconMetrics] = []
        self._rest: Iterator[IconMetrics] | None = None

    def are_of(self, groups: Groups) -> bool:
        """Whether one is close to an icon of these groups; raises ``LimitReached``."""
        wanted = self._known.of(groups)
        return bool(wanted) and any(
            close(metrics, known) for metrics in self._metrics() for known in wanted.get(_class(metrics.side), ())
        )

    def _metrics(self) -> Iterator[IconMetrics]:
        if self._rest is None:
            self._rest = self._measure()
        yield from self._measured
        for metrics in self._rest:
            self._measured.append(metrics)
            yield metrics

    def _measure(self) -> Iterator[IconMetrics]:
        layout = self._program.layout()
        if layout is not None:
            for picture in icons(self._view, layout, self._budget):
                self._budget.tick()
                yield measure(picture)


def close(icon: IconMetrics, known: IconMetrics) -> bool:
    """Whether a measured icon is close enough to a known one of its size."""
    areas = _nearness(icon.side)
    bright, dark = areas(icon.bright, known.bright, _BRIGHT), areas(icon.dark, known.dark, _BRIGHT)
    if not icon.colored and not known.colored:
        edge = areas(icon.edge + icon.color, known.edge + known.color, _BRIGHT)
        noedge = areas(icon.noedge + icon.gray, known.noedge + known.gray, _BRIGHT)
        return (bright + dark + edge * 2 + noedge) // 6 >= _ENOUGH_PLAIN
    edge, noedge = areas(icon.edge, known.edge, _BRIGHT), areas(icon.noedge, known.noedge, _BRIGHT)
    color = gray = 0
    if icon.colored and known.colored:
        color, gray = areas(icon.color, known.color, _COLORFUL), areas(icon.gray, known.gray, _COLORFUL)
    pairs = zip(icon[7:], known[7:], strict=True)
    spread = sum(max(0, 100 - 10 * abs(one - other)) for one, other in pairs) // 4
    confidence = (color + (gray + bright + noedge) * 2 // 3 + dark + edge + spread) // 6
    return confidence >= 64 + 4 * (2 - _class(icon.side))


def _class(side: int) -> int:
    return side // 8 - 2


def _nearness(side: int) -> Callable[[Sequence[Area], Sequence[Area], int], int]:
    """Return what compares areas of icons with this side: 0 to 100."""
    far = side // 4 * 3 // 4

    def near(one: Area, other: Area, brightest: int) -> int:
        distance = isqrt((one.x - other.x) ** 2 + (one.y - other.y) ** 2)
        if distance > far or abs(one.average - other.average) > brightest // 5:
            return 0
        return 100 - distance * 60 // far

    def areas(ours: Sequence[Area], theirs: Sequence[Area], brightest: int) -> int:
        return sum(max(near(one, other, brightest) for other in theirs) for one in ours) // len(ours)

    return areas
