"""Fuzz target for the normal form of JavaScript."""

from freehold.engine.normalise import javascript
from freehold.model.limits import Budget, Limits


def target(data: bytes) -> None:
    javascript.normalise([data], Budget(Limits(seconds=20)))
