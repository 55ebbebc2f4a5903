"""A piece of content under examination."""

from freehold.model.filetype import TARGETS, Target
from freehold.model.report import SEPARATOR
from freehold.model.view import View


class Artifact:
    """A file, or something unpacked from one.

    Attributes:
        name: what its container (for the root: the caller) calls it.
        view: its content.
        file_type: as identified by content, "" before that.
        parent: the artifact that it was found in, None for the root.
        depth: layers below the root.
        facts: what formats and matchers found out about it.
        digests: hex digests that were computed, by algorithm.
        memory: whether it is what a program had in memory (see ``model.interfaces.Child``).
        retyped: whether it is taken for another type than its bytes say.
        other_types: file types as which signatures want it to be examined once more.
    """

    __slots__ = ("depth", "digests", "facts", "file_type", "memory", "name", "other_types", "parent", "retyped", "view")

    def __init__(
        self, name: str, view: View, file_type: str = "", parent: "Artifact | None" = None, depth: int = 0
    ) -> None:
        self.name = name
        self.view = view
        self.file_type = file_type
        self.parent = parent
        self.depth = depth
        self.facts: dict[str, str | int | float | bool] = {}
        self.digests: dict[str, str] = {}
        self.retyped = False
        self.other_types: list[str] = []
        self.memory = False

    @property
    def lineage(self) -> str:
        """Names from the root down, joined by ``SEPARATOR``."""
        names = [self.name]
        above = self.parent
        while above is not None:
            names.append(above.name)
            above = above.parent
        return SEPARATOR.join(reversed(names))

    def taken_for(self, file_type: str) -> "Artifact":
        """Return the same content as an artifact of another type, in the same place; itself if it is of that type."""
        if file_type == self.file_type:
            return self
        other = Artifact(self.name, self.view, file_type, self.parent, self.depth)
        other.facts = self.facts
        other.retyped = True
        return other

    @property
    def target(self) -> Target:
        """The group of signatures that looks at this type beside ``Target.ANY``."""
        return TARGETS.get(self.file_type, Target.ANY)
