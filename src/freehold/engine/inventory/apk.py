"""Alpine Linux's package database, ``/lib/apk/db/installed``.

Source: https://wiki.alpinelinux.org/wiki/Apk_spec
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import whole
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_PATH = re.compile(r"/lib/apk/db/installed$")
_PACKAGE = re.compile(rb"^P:([^\n]{1,200})\nV:([^\n]{1,100})$", re.MULTILINE)


def reads(artifact: Artifact) -> bool:
    """Whether this is a database of packages."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the packages that are installed."""
    for package in _PACKAGE.finditer(whole(artifact, budget)):
        budget.tick()
        name, version = (part.decode("utf-8", "replace") for part in package.groups())
        yield Item(IndicatorKind.PACKAGE, name, f"{version}, installed", package.start(1))
