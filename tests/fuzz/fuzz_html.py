"""Fuzz target for the normal forms of HTML and of the scripts in it."""

from freehold.engine.normalise import html, javascript
from freehold.model.limits import Budget, Limits


def target(data: bytes) -> None:
    budget = Budget(Limits(seconds=20))
    forms = html.normalise(data, budget)
    assert len(forms.nocomment) <= 8 * len(data) + 8
    javascript.normalise(forms.scripts, budget)
