"""``head``: the one mutable file of a repository, with everything that a client needs to decide.

Members are written one after the other as name, zero byte, length (u32, big-endian) and bytes, and all is compressed.
"""

import re
import struct
from collections.abc import Mapping

from freehold.model.errors import MalformedInput
from freehold.updates.content.segments import decompressed, pack

PACKED_BYTES = 64 << 10
"""Bytes of a head."""

CONTENT_BYTES = 1 << 20
"""Bytes that it may unpack to."""

TAIL = "log-tail"
PROOF = "release.tlog-proof"
RELEASE = "release.json"
TIMESTAMP = "timestamp.json"

TAIL_LEAVES = 32
"""Leaf hashes in the tail of the log, at most."""

LEAF_HASH_BYTES = 32

_NAME = re.compile(rb"[0-9a-z][0-9a-zA-Z._-]{0,63}")
_LENGTH = struct.Struct(">I")
_MOST_MEMBERS = 64


def encode(members: Mapping[str, bytes]) -> bytes:
    """Return the head with these members; raises ``MalformedInput`` when it would be too large for clients."""
    content = b"".join(
        b"%b\0%b%b" % (name.encode(), _LENGTH.pack(len(data)), data) for name, data in sorted(members.items())
    )
    packed = pack(content)
    if len(content) > CONTENT_BYTES or len(packed) > PACKED_BYTES:
        raise MalformedInput(f"a head of {len(packed):,} bytes; {PACKED_BYTES:,} are allowed")
    return packed


def decode(packed: bytes) -> dict[str, bytes]:
    """Return the members of a head; unknown ones are for newer clients. Raises ``MalformedInput``."""
    if len(packed) > PACKED_BYTES:
        raise MalformedInput(f"a head of more than {PACKED_BYTES:,} bytes")
    content = decompressed(packed, CONTENT_BYTES)
    members: dict[str, bytes] = {}
    at = 0
    while at < len(content):
        name = content[at : at + 65].partition(b"\0")[0]
        start = at + len(name) + 1 + _LENGTH.size
        if _NAME.fullmatch(name) is None or start > len(content):
            raise MalformedInput("the head has a member without a proper name")
        (length,) = _LENGTH.unpack_from(content, start - _LENGTH.size)
        at = start + length
        if at > len(content) or len(members) == _MOST_MEMBERS or name.decode() in members:
            raise MalformedInput(f"the member {name.decode()} of the head ends too late, or is there twice")
        members[name.decode()] = content[start:at]
    return members


def tail(members: Mapping[str, bytes]) -> list[bytes]:
    """Return the hashes of the log's newest leaves, the oldest first; raises ``MalformedInput``."""
    column = members.get(TAIL, b"")
    if len(column) % LEAF_HASH_BYTES or len(column) > TAIL_LEAVES * LEAF_HASH_BYTES:
        raise MalformedInput("the tail of the log in the head is not made of leaf hashes")
    return [column[at : at + LEAF_HASH_BYTES] for at in range(0, len(column), LEAF_HASH_BYTES)]
