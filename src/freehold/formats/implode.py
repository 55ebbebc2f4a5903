"""PKZIP 1's imploding, zip's method 6: a sliding dictionary and two or three Shannon-Fano codes.

There is no end mark: the member's unpacked size says where it ends. Source: PKWARE APPNOTE 6.3.10, section 5.3.
"""

from collections.abc import Iterator

from freehold.formats.bits import Bits, Prefixes, prefixes, reverse
from freehold.formats.deflate64 import repeat
from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput

_LARGE, _LITERALS = 2, 4
_WINDOW = 1 << 13
_CHUNK = 1 << 16
_LONGEST = 63


def _code(source: Source, size: int) -> Prefixes:
    """Return a code of ``size`` values, stored as runs of lengths."""
    lengths: list[int] = []
    for _ in range(source.byte() + 1):
        run = source.byte()
        lengths += [(run & 15) + 1] * ((run >> 4) + 1)
    if len(lengths) != size:
        raise MalformedInput("a code has another size than it should")
    code = step = last = 0
    codes = []
    for length, value in sorted(((length, value) for value, length in enumerate(lengths)), reverse=True):
        code += step
        if length != last:
            last = length
            step = 1 << (16 - length)
        if code >> 16:
            raise MalformedInput("too many codes")
        codes.append((reverse(code >> (16 - length), length), length, value))
    return prefixes(codes)


def decode(source: Source, flags: int, size: int) -> Iterator[bytes]:
    """Decode ``size`` bytes, given the member's general purpose flags."""
    out = bytearray(_WINDOW)
    try:
        yield from _pieces(source, flags, size, out)
    except (EndOfInput, MalformedInput):
        yield bytes(out[_WINDOW:])
        raise


def _pieces(source: Source, flags: int, size: int, out: bytearray) -> Iterator[bytes]:
    """Fill ``out``, which begins with the window, and empty it again."""
    literals = _code(source, 256) if flags & _LITERALS else None
    lengths, distances = _code(source, 64), _code(source, 64)
    low, least = 7 if flags & _LARGE else 6, 3 if literals else 2
    bits = Bits(source)
    left = size
    while left > 0:
        before = len(out)
        if bits.take(1):
            out.append(bits.symbol(literals) if literals else bits.take(8))
        else:
            distance = bits.take(low)
            distance |= bits.symbol(distances) << low
            length = bits.symbol(lengths)
            if length == _LONGEST:
                length += bits.take(8)
            repeat(out, distance + 1, min(length + least, left))
        left -= len(out) - before
        if len(out) > _WINDOW + _CHUNK or left <= 0:
            yield bytes(out[_WINDOW:])
            del out[:-_WINDOW]
    bits.finish()
