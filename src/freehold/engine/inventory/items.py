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
        remains: the thing itself has been removed, and this was left behind: never more than a weak sign.
    """

    kind: IndicatorKind
    value: str
    detail: str = ""
    offset: int = 0
    remains: bool = False
