"""Flatpaks: what the ``metadata`` of a deployed application says that it is.

Source: flatpak-metadata(5)
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_PATH = re.compile(r"/flatpak/(?:app|runtime)/.+/metadata$")
_BEGINNING = 1 << 16
_NAME = re.compile(rb"^\[(Application|Runtime)\]\n(?:[^\[\n][^\n]*\n|\n)*?name=([^\n]{1,200})$", re.MULTILINE)


def reads(artifact: Artifact) -> bool:
    """Whether this describes an application."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, _budget: Budget) -> Iterator[Item]:
    """Yield its identifier."""
    if found := _NAME.search(artifact.view.read(0, _BEGINNING)):
        what = found[1].decode().lower()
        yield Item(
            IndicatorKind.PACKAGE, found[2].decode("utf-8", "replace").strip(), f"flatpak {what}", found.start(2)
        )
