"""Taking in an artifact as a whole, as far as limits allow."""

import json
from typing import Any

from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.limits import Budget


def whole(artifact: Artifact, budget: Budget) -> bytes:
    """Return all bytes of an artifact; raises ``LimitReached`` when there are more than ``Limits.whole_bytes``."""
    if artifact.view.size > budget.limits.whole_bytes:
        raise LimitReached("whole_bytes", budget.limits.whole_bytes)
    return artifact.view.read(0, artifact.view.size)


def read_json(artifact: Artifact, budget: Budget) -> Any:
    """Return an artifact as JSON values; raises ``LimitReached`` and ``MalformedInput``."""
    try:
        return json.loads(whole(artifact, budget))
    except (ValueError, RecursionError) as error:
        raise MalformedInput(f"no JSON: {type(error).__name__}") from error


def mapping(value: Any) -> dict[str, Any]:
    """Return a JSON value as an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return a JSON value as an array, an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return a JSON value as text, "" for anything else."""
    return value if isinstance(value, str) else ""
