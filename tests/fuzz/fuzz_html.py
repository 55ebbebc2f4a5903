"""Fuzz target for HTML: what pages carry, their normal forms, and the scripts in them."""

from tests.fuzz.opening import open_fully

from freehold.engine.normalise import html, javascript
from freehold.formats.html import FORMAT
from freehold.model.limits import Budget, Limits


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
    budget = Budget(Limits(seconds=20))
    forms = html.normalise(data, budget)
    assert len(forms.nocomment) <= 8 * len(data) + 8
    javascript.normalise(forms.scripts, budget)
