"""Snaps: the state of snapd, and what a snap says of itself.

Source: https://snapcraft.io/docs/snap-format, snapd's ``overlord/snapstate``
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import mapping, read_json
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_STATE, _META = "/var/lib/snapd/state.json", "/meta/snap.yaml"
_BEGINNING = 1 << 16
_FIELD = re.compile(rb"""^(name|version): *["']?([\w.+~:-]{1,100})["']?[ \r]*(?:#.*)?$""", re.MULTILINE)


def reads(artifact: Artifact) -> bool:
    """Whether this says which snaps there are, or which one this is."""
    return system_path(artifact.name).endswith((_STATE, _META))


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the snaps."""
    if system_path(artifact.name).endswith(_STATE):
        data = mapping(mapping(read_json(artifact, budget)).get("data"))
        for snap, state in mapping(data.get("snaps")).items():
            revision = mapping(state).get("current", "unknown")
            yield Item(IndicatorKind.PACKAGE, snap, f"revision {revision} of a snap, installed")
        return
    found = {field[1]: field for field in _FIELD.finditer(artifact.view.read(0, _BEGINNING))}
    if name := found.get(b"name"):
        version = found[b"version"][2].decode() if b"version" in found else "no version"
        yield Item(IndicatorKind.PACKAGE, name[2].decode("utf-8", "replace"), f"{version}, a snap", name.start(2))
