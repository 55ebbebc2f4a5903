"""Fuzz target for what UPX packed: the decoders by their number, then the filters, with nothing else around."""

import struct

from tests.fuzz.opening import LIMITS

from freehold.formats import upx
from freehold.model.errors import FreeholdError
from freehold.model.limits import MIB, Budget

_HEAD = struct.Struct("<BBBI")


def target(data: bytes) -> None:
    """The first bytes are method, filter, mark and size; what follows is packed code."""
    if len(data) < _HEAD.size:
        return
    method, identity, mark, size = _HEAD.unpack_from(data)
    size %= MIB
    try:
        code = upx.decompress(method, data[_HEAD.size :], size, Budget(LIMITS))
        assert len(code) == size
        upx.unfilter(identity, mark, code, 0, size)
        assert len(code) == size
    except FreeholdError:
        pass
