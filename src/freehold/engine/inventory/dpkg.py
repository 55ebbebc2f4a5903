"""Debian's package database: ``/var/lib/dpkg/status``, and a file for each package in images without a package manager.

Source: deb-control(5), dpkg(1).
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import whole
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import named_by, system_path

_PATH = re.compile(
    r"/(?:var/lib/dpkg/(?:status(?:-old)?|status\.d/[^/]+|info/[^/]+\.list)|(?:usr|var)/lib/opkg/status)$"
)
_STANZA = re.compile(rb"^Package: ([^\n]{1,200})$(.*?)(?=^Package: |\Z)", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(rb"^Status: ([^\n]{1,100})$", re.MULTILINE)
_VERSION = re.compile(rb"^Version: ([^\n]{1,100})$", re.MULTILINE)


def reads(artifact: Artifact) -> bool:
    """Whether this is a database of packages."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the packages that are installed, or left their configuration behind; of a list of files, their paths."""
    content = whole(artifact, budget)
    if artifact.name.endswith(".list"):
        yield from _listed(content, budget)
        return
    for stanza in _STANZA.finditer(content):
        budget.tick()
        status = _STATUS.search(stanza[2])
        state = status[1].split()[-1].decode("ascii", "replace") if status and status[1].split() else "installed"
        if state == "not-installed":
            continue
        version = _VERSION.search(stanza[2])
        detail = f"{version[1].decode('utf-8', 'replace') if version else 'no version'}, {state}"
        name = stanza[1].decode("utf-8", "replace").strip()
        yield Item(IndicatorKind.PACKAGE, name, detail, stanza.start(), remains=state == "config-files")


def _listed(content: bytes, budget: Budget) -> Iterator[Item]:
    offset = 0
    for line in content.split(b"\n"):
        budget.tick()
        for kind, value in named_by(line.decode("utf-8", "replace")):
            yield Item(kind, value, "listed by dpkg", offset)
        offset += len(line) + 1
