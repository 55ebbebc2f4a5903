"""From what the user calls a signature to signatures."""

from collections.abc import Sequence
from pathlib import Path

from freehold.bundle.layout import MANIFEST
from freehold.frontends.cli.databases import CORE
from freehold.model.errors import UsageError
from freehold.signatures.find import Found, by_name, by_text


def signatures(argument: str, databases: Sequence[str]) -> list[Found]:
    """Return the signatures that an argument is, or those of this name in ``databases`` (default: the core pack).

    Raises:
        UsageError: it is neither; the text says what was tried.
    """
    if found := by_text(argument):
        return found
    sources = [Path(path) for path in databases] or [CORE]
    for source in sources:
        if (source / MANIFEST).is_file():
            raise UsageError(f"{source} is compiled and holds no sources; name the files that it was made of")
    if argument and (found := by_name(argument, sources)):
        return found
    searched = ", ".join(databases) or "the core pack (--database FILE looks elsewhere)"
    raise UsageError(
        f"'{argument}' is no file, has the form of no signature, and no signature has this name in {searched}"
    )
