"""What the mere path of a file says of the system that it lies in."""

import re
from collections.abc import Iterator

from freehold.model.policy import IndicatorKind

_DRIVE = re.compile(r"^(?:[A-Za-z]:)?/*(?:\./)*")
_KINDS = (
    (
        IndicatorKind.SERVICE,
        re.compile(r"/(?:etc|lib|usr/lib|run)/systemd/(?:system|user)/(?:[^/]+\.wants/)?([^/@]+)(?:@[^/]*)?\.service$"),
    ),
    (IndicatorKind.SERVICE, re.compile(r"/etc/(?:init\.d|rc\d\.d)/(?:[SK]\d\d)?([^/]+)$")),
    (IndicatorKind.SERVICE, re.compile(r"/Library/Launch(?:Daemons|Agents)/([^/]+)\.plist$")),
    (IndicatorKind.PACKAGE, re.compile(r"/var/lib/snapd/snaps/([^/_]+)_[^/_]+\.snap$")),
    (IndicatorKind.PACKAGE, re.compile(r"/flatpak/app/([^/]+)$")),
    (IndicatorKind.MODULE, re.compile(r"/lib/modules/(?:[^/]+/)+([^/]+?)\.ko(?:\.[a-z]+)?$")),
    (IndicatorKind.MODULE, re.compile(r"/windows/system32/drivers/([^/]+)\.sys$", re.IGNORECASE)),
)


def system_path(name: str) -> str:
    """Return a name as a path from the root of its system: slashes, no drive, one slash in front."""
    return "/" + _DRIVE.sub("", name.replace("\\", "/"))


def named_by(path: str) -> Iterator[tuple[IndicatorKind, str]]:
    """Yield what a path says: that it is there, and which package, service or driver its file is."""
    yield IndicatorKind.PATH, path
    for kind, pattern in _KINDS:
        if found := pattern.search(path):
            yield kind, found[1]
