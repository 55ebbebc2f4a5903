"""The atoms of logical signatures: Hyperscan tells which occur in a form of an artifact, and so which to evaluate."""

from collections.abc import Iterable

from freehold.bundle import LogicalRoot
from freehold.bundle.layout import MOST_SUBSIGNATURES
from freehold.engine.matchers.databases import Scan, load_database
from freehold.engine.matchers.logical.pictures import Picture
from freehold.engine.normalise.views import Form
from freehold.model.limits import Budget

OVERLAP = 64
"""Bytes by which windows overlap: no atom is longer."""

MOST_PLACES = 64
"""Of an atom that occurs more often, it is not known where."""

Bodies = dict[int, list[int]]
"""Places of the atoms of a program's bodies, by the bodies' numbers."""


class LoadedRoot:
    """What calls for programs in one group of file types; its database is loaded by the worker that first needs it."""

    __slots__ = ("_known_pictures", "_scan", "root")

    def __init__(self, root: LogicalRoot) -> None:
        self.root = root
        self._scan: Scan | None = None
        self._known_pictures: dict[str, list[int]] | None = None

    def _load(self) -> Scan:
        serialised = self.root.database()
        self._scan = load_database(serialised) if serialised else _no_atoms
        return self._scan

    def called(self, form: Form, uncalled: Iterable[int], picture: Picture, budget: Budget) -> list[tuple[int, Bodies]]:
        """Return the programs that may hold for a form, in order, each with those bodies of its cover that may occur.

        Args:
            form: what is looked at.
            uncalled: programs that may hold although no atom calls for them.
            picture: the artifact as a picture.
            budget: raises ``LimitReached``.
        """
        programs: dict[int, Bodies] = {number: {} for number in uncalled}
        if form.name == "raw" and self.root.has_pictures and (digest := picture.digest()) is not None:
            for body in self._pictures().get(digest.hex(), ()):
                program, index = divmod(body, MOST_SUBSIGNATURES)
                programs.setdefault(program, {})[index] = []
        for atom, places in self._places(form, budget).items():
            for body in self.root.users(atom):
                program, index = divmod(body, MOST_SUBSIGNATURES)
                programs.setdefault(program, {}).setdefault(index, []).extend(places)
        return sorted(programs.items())

    def _pictures(self) -> dict[str, list[int]]:
        if self._known_pictures is None:
            self._known_pictures = self.root.pictures()
        return self._known_pictures

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


def _no_atoms(_window: memoryview, _on_match: object) -> None:
    """Search for nothing."""
