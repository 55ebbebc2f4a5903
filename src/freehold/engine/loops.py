"""Lines of descent that lead nowhere: containers that contain themselves (quines), and pages within pages."""

import hashlib

from freehold.model.artifact import Artifact


def contains_itself(artifact: Artifact) -> bool:
    """Whether an ancestor has the same content; digests are computed only where two sizes agree."""
    ancestor = artifact.parent
    while ancestor is not None:
        if ancestor.view.size == artifact.view.size and _digest(ancestor) == _digest(artifact):
            return True
        ancestor = ancestor.parent
    return False


def pages_above(artifact: Artifact) -> int:
    """Return how many ancestors in a row are pages."""
    count = 0
    ancestor = artifact.parent
    while ancestor is not None and ancestor.file_type == "html":
        count += 1
        ancestor = ancestor.parent
    return count


def _digest(artifact: Artifact) -> str:
    known = artifact.digests.get("sha256")
    if known is None:
        hasher = hashlib.sha256()
        for _, window in artifact.view.windows(0):
            hasher.update(window)
        known = artifact.digests["sha256"] = hasher.hexdigest()
    return known
