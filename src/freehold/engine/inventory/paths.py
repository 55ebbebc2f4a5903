"""What the mere path of an artifact says: that a file is there, and units of services by their names."""

import re
from collections.abc import Iterator

from freehold.engine.inventory.items import Item, system_path
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind

_UNIT = re.compile(r"/(?:etc|lib|usr/lib|run)/systemd/(?:system|user)/(?:[^/]+\.wants/)?([^/@]+)(?:@[^/]*)?\.service$")
_INIT = re.compile(r"/etc/(?:init\.d|rc\d\.d)/(?:[SK]\d\d)?([^/]+)$")
_LAUNCHD = re.compile(r"/Library/Launch(?:Daemons|Agents)/([^/]+)\.plist$")
_MODULE = re.compile(
    r"/(?:lib/modules/.*|windows/system32/drivers)/([^/]+?)(?:\.ko(?:\.[a-z]+)?|\.sys)$", re.IGNORECASE
)


def reads(_artifact: Artifact) -> bool:
    """Every artifact has a path."""
    return True


def items(artifact: Artifact, _budget: Budget) -> Iterator[Item]:
    """Yield the path, and what it makes of the file."""
    path = system_path(artifact)
    yield Item(IndicatorKind.PATH, path)
    for pattern, kind in (
        (_UNIT, IndicatorKind.SERVICE),
        (_INIT, IndicatorKind.SERVICE),
        (_LAUNCHD, IndicatorKind.SERVICE),
        (_MODULE, IndicatorKind.MODULE),
    ):
        if found := pattern.search(path):
            yield Item(kind, found[1], path)
