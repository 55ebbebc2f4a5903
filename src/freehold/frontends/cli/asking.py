"""Asking before something is done that cannot be undone."""

import sys

from freehold.model.errors import UsageError


def confirm(question: str, *, yes: bool) -> None:
    """Return when the user agrees; raises ``UsageError`` otherwise, also where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is nobody to ask: say --yes if you mean it.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was done")
