"""PKZIP 0.9's reducing, zip's methods 2 to 5: probable followers of each byte, then repetitions behind an escape.

There is no end mark: the member's unpacked size says where it ends. Source: PKWARE APPNOTE 6.3.10, section 5.2.
"""

from collections.abc import Iterator

from freehold.formats.bits import Bits
from freehold.formats.deflate64 import repeat
from freehold.formats.pulled import EndOfInput, Source

_ESCAPE = 144
_WINDOW = 1 << 12
_CHUNK = 1 << 16


def decode(source: Source, factor: int, size: int) -> Iterator[bytes]:
    """Decode ``size`` bytes; ``factor`` is 1 to 4. What lies before the beginning counts as zeros."""
    out = bytearray(_WINDOW)
    bits = Bits(source)
    left = size
    try:
        values = _values(bits)
        while left > 0:
            before = len(out)
            _step(values, out, 8 - factor, left)
            left -= len(out) - before
            if len(out) > _WINDOW + _CHUNK:
                yield bytes(out[_WINDOW:])
                del out[:-_WINDOW]
    except EndOfInput:
        yield bytes(out[_WINDOW:])
        raise
    yield bytes(out[_WINDOW:])
    bits.finish()


def _step(values: Iterator[int], out: bytearray, low_bits: int, left: int) -> None:
    """Append one byte or one repetition."""
    value = next(values)
    if value != _ESCAPE:
        out.append(value)
        return
    value = next(values)
    if not value:
        out.append(_ESCAPE)
        return
    most = (1 << low_bits) - 1
    length = value & most
    if length == most:
        length += next(values)
    repeat(out, ((value >> low_bits) << 8) + next(values) + 1, min(length + 3, left))


def _values(bits: Bits) -> Iterator[int]:
    """Yield bytes, each coded as one of the followers of the one before, or as it is."""
    followers: list[list[int]] = [[] for _ in range(256)]
    for value in range(255, -1, -1):
        followers[value] = [bits.take(8) for _ in range(bits.take(6))]
    last = 0
    while True:
        known = followers[last]
        if not known or bits.take(1):
            last = bits.take(8)
        else:
            place = bits.take(max((len(known) - 1).bit_length(), 1))
            last = known[place] if place < len(known) else 0
        yield last
