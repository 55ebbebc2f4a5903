"""One thing that an artifact says of its system."""

from typing import NamedTuple

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
