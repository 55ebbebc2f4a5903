"""The perceptual hash of an artifact that is a picture, computed when the first signature asks."""

from collections.abc import Sequence

from freehold.bundle import LogicalRoot
from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget

_TYPES = frozenset({"bmp", "gif", "jpeg", "png", "tiff"})


def prepare(roots: Sequence[LogicalRoot]) -> None:
    """Load the decoders of pictures, if any of these roots has hashes: workers cannot load them later."""
    if any(root.has_pictures for root in roots):
        from freehold.formats.picturehash import load_decoders

        load_decoders()


class Picture:
    """An artifact as the picture that it may be.

    Attributes:
        undecided: why its hash is not known; None when it is, or when there is none.
    """

    __slots__ = ("_artifact", "_budget", "_digest", "_done", "undecided")

    def __init__(self, artifact: Artifact, budget: Budget) -> None:
        self._artifact = artifact
        self._budget = budget
        self._done = artifact.file_type not in _TYPES
        self._digest: bytes | None = None
        self.undecided: LimitReached | None = None

    def digest(self) -> bytes | None:
        """Return its hash; None when it is no picture, or cannot be decoded within the limits."""
        if not self._done:
            from freehold.formats.picturehash import picture_hash

            self._done = True
            try:
                self._digest = picture_hash(self._artifact.view, self._artifact.file_type, self._budget)
            except LimitReached as limit:
                self.undecided = limit
                self._budget.tick()
        return self._digest
