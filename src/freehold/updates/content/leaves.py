"""What the public log holds of each release: one short text, which pins everything that is signed."""

import hashlib
import re
from dataclasses import dataclass

from freehold.model.errors import MalformedInput

_LEAF = re.compile(
    rb"freehold-release/v1\n(?P<feed>[a-z0-9][a-z0-9-]{0,31})\n"
    rb"root (?P<root>[1-9][0-9]{0,8}) (?P<root_sha256>[0-9a-f]{64})\n"
    rb"snapshot (?P<snapshot>[1-9][0-9]{0,8}) (?P<snapshot_sha256>[0-9a-f]{64})\n"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry of the log.

    Attributes:
        feed: whose it is.
        root: version of the root metadata that counts with it.
        root_sha256: of that file, in hexadecimal digits.
        snapshot: version of the snapshot metadata, which has the hash of every file of targets metadata.
        snapshot_sha256: of that file.
    """

    feed: str
    root: int
    root_sha256: str
    snapshot: int
    snapshot_sha256: str

    def to_bytes(self) -> bytes:
        """Return the text that is logged."""
        return (
            f"freehold-release/v1\n{self.feed}\nroot {self.root} {self.root_sha256}\n"
            f"snapshot {self.snapshot} {self.snapshot_sha256}\n"
        ).encode()


def leaf_of(feed: str, root: tuple[int, bytes], snapshot: tuple[int, bytes]) -> Leaf:
    """Return the leaf for these versions and files of root and snapshot metadata."""
    return Leaf(
        feed, root[0], hashlib.sha256(root[1]).hexdigest(), snapshot[0], hashlib.sha256(snapshot[1]).hexdigest()
    )


def parse(data: bytes) -> Leaf:
    """Read the text of a leaf; raises ``MalformedInput``."""
    match = _LEAF.fullmatch(data)
    if match is None:
        raise MalformedInput("an entry of the log is no release")
    feed, root, root_sha256, snapshot, snapshot_sha256 = (field.decode() for field in match.groups())
    return Leaf(feed, int(root), root_sha256, int(snapshot), snapshot_sha256)
