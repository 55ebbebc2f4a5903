"""An artifact whose content has been brought out of a worker."""

from typing import NamedTuple


class Record(NamedTuple):
    """One artifact that came out of a worker.

    Attributes:
        depth: layers below the root, whose own content is not written again.
        name: what its container calls it: a label from a stranger.
        file_type: as identified by content.
        offset: where its content begins in the collected file.
        size: bytes of content.
    """

    depth: int
    name: str
    file_type: str
    offset: int
    size: int
