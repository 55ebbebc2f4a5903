"""Fuzz target for what releases are made of: readers take what they would write, or raise ``MalformedInput``.

The first byte chooses the reader; inputs of the others are compressed here, so that damage gets to what is inside.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

from backports import zstd

from freehold.model.errors import MalformedInput
from freehold.updates.content import heads, leaves, plans, releases, segments

_CONTENT = 1 << 20


_RELEASE = releases.parse((Path(__file__).parent / "seeds" / "update_content" / "release").read_bytes()[1:])


def _release_of(plan: bytes) -> releases.Release:
    """Return a release that says of its plan that it is this one."""
    return replace(_RELEASE, inputs=hashlib.sha256(plan).hexdigest())


def target(data: bytes) -> None:
    kind, rest = data[:1], data[1:]
    try:
        if kind == b"s":
            assert segments.encode(segments.decode(rest)) == rest
        elif kind == b"p":
            segments.unpack(rest, _CONTENT)
        elif kind == b"r":
            assert releases.parse(rest).to_bytes() == rest
        elif kind == b"n":
            assert plans.parse(rest, _release_of(rest)).to_bytes() == rest
        elif kind == b"l":
            assert leaves.parse(rest).to_bytes() == rest
        elif kind == b"h":
            heads.tail(heads.decode(rest))
        else:
            members = heads.decode(zstd.compress(rest))
            assert heads.decode(heads.encode(members)) == members
    except MalformedInput:
        pass
