"""Where signatures' offsets are counted from, found out when the first signature asks."""

from collections.abc import Callable

from freehold.formats import elf, macho, pe
from freehold.formats.peversion import version_keys
from freehold.model.artifact import Artifact
from freehold.model.body import Landmarks
from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout
from freehold.model.view import View

_READERS: dict[str, Callable[[View], Layout]] = {
    "pe": pe.read,
    "elf": elf.read,
    "macho": macho.read,
    "macho-fat": macho.read,
}
_NONE = Landmarks()


class Program:
    """An artifact as the program that it may be; its header is read at most once.

    Args:
        artifact: identified.
    """

    __slots__ = ("_artifact", "_landmarks", "_layout", "_read")

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._read = False
        self._layout: Layout | None = None
        self._landmarks: Landmarks | None = None

    def layout(self) -> Layout | None:
        """Return how it is laid out; None when it is no program, or its header cannot be parsed."""
        if not self._read:
            self._read = True
            reader = _READERS.get(self._artifact.file_type)
            try:
                self._layout = None if reader is None else reader(self._artifact.view)
            except MalformedInput:
                self._layout = None
        return self._layout

    def landmarks(self) -> Landmarks | None:
        """Return where its places are; None when its header cannot be parsed."""
        if self._artifact.file_type not in _READERS:
            return _NONE
        if self._landmarks is None and (layout := self.layout()) is not None:
            keys = version_keys(self._artifact.view, layout) if self._artifact.file_type == "pe" else frozenset[int]()
            self._landmarks = Landmarks(layout.entry, tuple((s.start, s.size) for s in layout.sections), keys)
        return self._landmarks
