"""Containers that contain themselves (quines): the same content twice on one line of descent."""

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


def _digest(artifact: Artifact) -> str:
    known = artifact.digests.get("sha256")
    if known is None:
        hasher = hashlib.sha256()
        for _, window in artifact.view.windows(0):
            hasher.update(window)
        known = artifact.digests["sha256"] = hasher.hexdigest()
    return known
