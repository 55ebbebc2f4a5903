"""Hosts files: the names that a system resolves by itself.

Source: hosts(5)
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import whole
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_PATH = re.compile(r"/etc/hosts$", re.IGNORECASE)
_LINE = re.compile(rb"^[ \t]*([0-9A-Fa-f.:]{2,45})[ \t]+([^#\r\n]{1,4096})", re.MULTILINE)


def reads(artifact: Artifact) -> bool:
    """Whether this is a hosts file, Windows' among them."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the names, with the address that they are given (which may be one that blocks them)."""
    for line in _LINE.finditer(whole(artifact, budget)):
        budget.tick()
        for name in line[2].split():
            yield Item(IndicatorKind.HOST, name.decode("ascii", "replace"), f"is {line[1].decode()}", line.start(2))
