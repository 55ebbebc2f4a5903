"""Fuzz target for what releases are made of: readers take what they would write, or raise ``MalformedInput``.

The first byte chooses the reader; inputs of the others are compressed here, so that damage gets to what is inside.
"""

from backports import zstd

from freehold.model.errors import MalformedInput
from freehold.updates.content import heads, leaves, releases, segments

_CONTENT = 1 << 20


def target(data: bytes) -> None:
    kind, rest = data[:1], data[1:]
    try:
        if kind == b"s":
            assert segments.encode(segments.decode(rest)) == rest
        elif kind == b"p":
            segments.unpack(rest, _CONTENT)
        elif kind == b"r":
            assert releases.parse(rest).to_bytes() == rest
        elif kind == b"l":
            assert leaves.parse(rest).to_bytes() == rest
        elif kind == b"h":
            heads.tail(heads.decode(rest))
        else:
            members = heads.decode(zstd.compress(rest))
            assert heads.decode(heads.encode(members)) == members
    except MalformedInput:
        pass
