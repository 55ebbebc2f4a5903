"""What tests of readers share."""

from freehold.engine.inventory import Item, items
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget, Limits
from freehold.model.policy import IndicatorKind
from freehold.model.view import BytesView


def read(name: str, content: bytes) -> list[Item]:
    """Return what an artifact says of its system, its own path left out."""
    found = items(Artifact(name, BytesView(content)), Budget(Limits(seconds=20)))
    return [item for item in found if item.kind is not IndicatorKind.PATH]


def values(name: str, content: bytes) -> list[tuple[str, str]]:
    return [(item.kind.value, item.value) for item in read(name, content)]
