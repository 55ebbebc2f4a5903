"""All readers, one after the other."""

from collections.abc import Iterator

from freehold.engine.inventory import (
    apk,
    authenticode,
    certificates,
    codesign,
    dpkg,
    extensions,
    flatpak,
    hive,
    hosts,
    pacman,
    paths,
    plist,
    rpm,
    sbom,
    snap,
)
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget

READERS = (
    paths,
    dpkg,
    rpm,
    pacman,
    apk,
    snap,
    flatpak,
    hosts,
    extensions,
    certificates,
    plist,
    sbom,
    hive,
    authenticode,
    codesign,
)
"""To add one: a module with ``reads`` and ``items``, and a place here."""


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield everything that an artifact says of its system; raises ``MalformedInput`` and ``LimitReached``."""
    for reader in READERS:
        if reader.reads(artifact):
            yield from reader.items(artifact, budget)
