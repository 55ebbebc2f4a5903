"""lzop: LZO1X in blocks. Checksums are not verified.

Source: observed behaviour of lzop; "LZO stream format as understood by Linux' LZO decompressor" (kernel documentation).
"""

from collections.abc import Iterator

from freehold.formats.deflate64 import repeat
from freehold.formats.extents import rest
from freehold.formats.pulled import PulledStream, Source
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_MAGIC = 9
_WITH_LEVEL = 0x940
_HAS_FILTER = 0x800
_ADLER, _ADLER_PACKED, _CRC, _CRC_PACKED = 1, 2, 0x100, 0x200
_LARGEST_BLOCK = 64 << 20
_AFTER_RUN = 4


def _longer(data: bytes, at: int, base: int) -> tuple[int, int]:
    while not data[at]:
        base += 255
        at += 1
    return at + 1, base + data[at]


def _match(data: bytes, at: int, token: int, state: int) -> tuple[int, int, int, int]:
    """Return the place behind a match, its distance (0: the end), its length, and the literals that follow."""
    if token >= 64:
        return at + 1, 1 + (token >> 2 & 7) + (data[at] << 3), (token >> 5) + 1, token & 3
    if token < 16:
        near, length = (1, 2) if state < _AFTER_RUN else (0x801, 3)
        return at + 1, near + (token >> 2) + (data[at] << 2), length, token & 3
    mask = 31 if token >= 32 else 7
    length = token & mask
    if not length:
        at, length = _longer(data, at, mask)
    distance = (data[at] >> 2) + (data[at + 1] << 6)
    if token >= 32:
        distance += 1
    else:
        distance += (token & 8) << 11
        distance += 0x4000 if distance else 0
    return at + 2, distance, length + 2, data[at] & 3


def decode_block(data: bytes, most: int) -> bytes:
    """Decode a block of at most ``most`` bytes; raises ``MalformedInput``."""
    out = bytearray()
    at = state = 0
    try:
        if data[0] > 17:
            state = min(data[0] - 17, _AFTER_RUN)
            at = data[0] - 16
            out += data[1:at]
        while len(out) <= most:
            token = data[at]
            at += 1
            if token < 16 and not state:
                length = token
                if not token:
                    at, length = _longer(data, at, 15)
                out += data[at : at + length + 3]
                at += length + 3
                state = _AFTER_RUN
                continue
            at, distance, length, state = _match(data, at, token, state)
            if not distance:
                return bytes(out)
            repeat(out, distance, min(length, most + 1))
            out += data[at : at + state]
            at += state
    except IndexError:
        raise MalformedInput("a block is cut off") from None
    raise MalformedInput("a block holds more than it says")


def _number(source: Source) -> int:
    return int.from_bytes(source.take(4), "big")


def _header(source: Source) -> int:
    """Read the header; return its flags."""
    version = int.from_bytes(source.take(_MAGIC + 4)[_MAGIC : _MAGIC + 2], "big")
    source.take(4 if version >= _WITH_LEVEL else 1)
    flags = _number(source)
    source.take(4 * bool(flags & _HAS_FILTER) + (12 if version >= _WITH_LEVEL else 8))
    source.take(source.byte() + 4)
    return flags


def _decode(source: Source) -> Iterator[bytes]:
    flags = _header(source)
    while unpacked := _number(source):
        packed = _number(source)
        if packed > unpacked or unpacked > _LARGEST_BLOCK:
            raise MalformedInput("a block has an impossible size")
        source.take(4 * bool(flags & _ADLER) + 4 * bool(flags & _CRC))
        if packed == unpacked:
            yield source.take(packed)
            continue
        source.take(4 * bool(flags & _ADLER_PACKED) + 4 * bool(flags & _CRC_PACKED))
        yield decode_block(source.take(packed), unpacked)


class _Lzop:
    name = "lzop"
    types = frozenset({"lzop"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        stream = PulledStream(view, 0, _decode, unpacking, label="the content")
        yield Child("content", stream.chunks(), stream.consumed)
        if stream.finished:
            yield from rest(view, stream.position, view.size)


FORMAT: Format = _Lzop()
