"""Arch Linux's package database: one ``desc`` for each package below ``/var/lib/pacman/local``.

Source: https://man.archlinux.org/man/alpm-local-desc.5, alpm-package-names(7)
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_PATH = re.compile(r"/var/lib/pacman/local/[^/]+/desc$")
_BEGINNING = 1 << 16
_FIELD = re.compile(rb"^%(NAME|VERSION)%\n([^\n]{1,200})$", re.MULTILINE)


def reads(artifact: Artifact) -> bool:
    """Whether this describes an installed package."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, _budget: Budget) -> Iterator[Item]:
    """Yield the package; its name and version stand at the beginning."""
    found = {field[1]: field for field in _FIELD.finditer(artifact.view.read(0, _BEGINNING))}
    if name := found.get(b"NAME"):
        version = found[b"VERSION"][2].decode("utf-8", "replace") if b"VERSION" in found else "no version"
        yield Item(IndicatorKind.PACKAGE, name[2].decode("utf-8", "replace"), f"{version}, installed", name.start(2))
