"""What the mere path of an artifact says: that a file is there, and which service or driver it is."""

from collections.abc import Iterator

from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.system import named_by, system_path


def reads(_artifact: Artifact) -> bool:
    """Every artifact has a path."""
    return True


def items(artifact: Artifact, _budget: Budget) -> Iterator[Item]:
    """Yield the path, and what it makes of the file."""
    for kind, value in named_by(system_path(artifact.name)):
        yield Item(kind, value)
