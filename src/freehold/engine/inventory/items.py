"""One thing that an artifact says of its system."""

import re
from typing import NamedTuple

from freehold.model.artifact import Artifact
from freehold.model.policy import IndicatorKind


class Item(NamedTuple):
    """A value that an indicator may name.

    Attributes:
        kind: what it is.
        value: as it stands there.
        detail: what a person should know besides, like a version.
        offset: where it stands in the artifact, in bytes.
    """

    kind: IndicatorKind
    value: str
    detail: str = ""
    offset: int = 0


_DRIVE = re.compile(r"^(?:[A-Za-z]:)?/*(?:\./)*")


def system_path(artifact: Artifact) -> str:
    """Return where an artifact lies in its system, as far as its name tells: ``/var/lib/dpkg/status``."""
    return "/" + _DRIVE.sub("", artifact.name.replace("\\", "/"))
