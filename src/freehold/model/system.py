"""What the mere path of a file says of the system that it lies in."""

import re
from collections.abc import Iterator
from functools import lru_cache

from freehold.model.policy import IndicatorKind

_DRIVE = re.compile(r"^(?:[A-Za-z]:)?/*(?:\./)*")
_KINDS = (
    (
        "/systemd/",
        IndicatorKind.SERVICE,
        re.compile(
            r"/(?:etc|lib|run|\.config)/systemd/(?:system|user)/(?:[^/]+\.wants/)?([^/@]+)(?:@[^/]*)?\.service$"
        ),
    ),
    ("/etc/", IndicatorKind.SERVICE, re.compile(r"/etc/(?:init\.d|rc\d\.d)/(?:[SK]\d\d)?([^/]+)$")),
    ("/Launch", IndicatorKind.SERVICE, re.compile(r"/Library/Launch(?:Daemons|Agents)/([^/]+)\.plist$")),
    ("/snaps/", IndicatorKind.PACKAGE, re.compile(r"/var/lib/snapd/snaps/([^/_]+)_[^/_]+\.snap$")),
    ("/flatpak/", IndicatorKind.PACKAGE, re.compile(r"/flatpak/app/([^/]+)$")),
    ("/extensions/", IndicatorKind.EXTENSION, re.compile(r"/extensions/([a-p]{32})\.json$")),
    ("/extensions/", IndicatorKind.EXTENSION, re.compile(r"/extensions/(?:\{[0-9A-Fa-f-]{36}\}/)?([^/]+)\.xpi$")),
    ("/modules/", IndicatorKind.MODULE, re.compile(r"/lib/modules/(?:[^/]+/)+([^/]+?)\.ko(?:\.[a-z]+)?$")),
    ("32/", IndicatorKind.MODULE, re.compile(r"/windows/system32/drivers/([^/]+)\.sys$", re.IGNORECASE)),
)
"""What must be in a path (there are many, and most say nothing), what it names, and how."""


@lru_cache(maxsize=1)  # each reader asks for the same one
def system_path(name: str) -> str:
    """Return a name as a path from the root of its system: slashes, no drive, one slash in front."""
    return "/" + _DRIVE.sub("", name.replace("\\", "/"))


def named_by(path: str) -> Iterator[tuple[IndicatorKind, str]]:
    """Yield what a path says: that it is there, and which package, extension, service or driver its file is."""
    yield IndicatorKind.PATH, path
    for part, kind, pattern in _KINDS:
        if part in path and (found := pattern.search(path)):
            yield kind, found[1]
