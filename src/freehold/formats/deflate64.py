"""Deflate64, zip's method 9: deflate with a window of 64 KiB and longer matches.

zlib's decoder cannot do it. Source: RFC 1951; PKWARE APPNOTE 6.3.10; observed archives.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from freehold.formats.bits import Bits, Prefixes, prefixes, reverse
from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput

_WINDOW = 1 << 16
_CHUNK = 1 << 18
_LENGTHS = [(n, 0) for n in range(3, 11)]
_LENGTHS += [(base, extra) for extra in range(1, 6) for base in range(3 + (4 << extra), 3 + (8 << extra), 1 << extra)]
_LENGTHS += [(3, 16)]
_DISTANCES = [(n, 0) for n in range(1, 5)]
_DISTANCES += [
    (base, extra) for extra in range(1, 15) for base in range(1 + (2 << extra), 1 + (4 << extra), 1 << extra)
]
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_REPEATS = {16: (2, 3), 17: (3, 3), 18: (7, 11)}
_END = 256


def _canonical(lengths: Sequence[int]) -> Prefixes:
    """Return the table of the code that follows from its lengths; raises ``MalformedInput`` when they are too many."""
    code = 0
    codes = []
    for length in range(1, 16):
        code <<= 1
        for value, own in enumerate(lengths):
            if own == length:
                if code >> length:
                    raise MalformedInput("too many codes")
                codes.append((reverse(code, length), length, value))
                code += 1
    return prefixes(codes)


@cache
def _fixed() -> tuple[Prefixes, Prefixes]:
    return _canonical([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), _canonical([5] * 32)


def _dynamic(bits: Bits) -> tuple[Prefixes, Prefixes]:
    literals, distances, count = bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4
    lengths = [0] * 19
    for place in _ORDER[:count]:
        lengths[place] = bits.take(3)
    code = _canonical(lengths)
    lengths = []
    while len(lengths) < literals + distances:
        symbol = bits.symbol(code)
        if symbol < 16:
            lengths.append(symbol)
            continue
        if symbol == 16 and not lengths:
            raise MalformedInput("a length is repeated before the first one")
        width, least = _REPEATS[symbol]
        lengths += [lengths[-1] if symbol == 16 else 0] * (bits.take(width) + least)
    return _canonical(lengths[:literals]), _canonical(lengths[literals : literals + distances])


def _stored(source: Source, bits: Bits, out: bytearray) -> Iterator[bytes]:
    bits.align()
    bits.finish()
    length, inverted = (int.from_bytes(source.take(2), "little") for _ in range(2))
    if length != inverted ^ 0xFFFF:
        raise MalformedInput("a stored block has a wrong length")
    out += source.take(length)
    yield from _flush(out)


def _compressed(bits: Bits, code: tuple[Prefixes, Prefixes], out: bytearray) -> Iterator[bytes]:
    literals, distances = code
    while (symbol := bits.symbol(literals)) != _END:
        if symbol < _END:
            out.append(symbol)
            continue
        if symbol - 257 >= len(_LENGTHS):
            raise MalformedInput("a length that does not exist")
        base, extra = _LENGTHS[symbol - 257]
        length = base + bits.take(extra)
        base, extra = _DISTANCES[bits.symbol(distances)]
        repeat(out, base + bits.take(extra), length)
        if len(out) > _WINDOW + _CHUNK:
            yield from _flush(out)
    yield from _flush(out)


def repeat(out: bytearray, distance: int, length: int) -> None:
    """Append what stands ``distance`` bytes before the end; raises ``MalformedInput`` when nothing does."""
    start = len(out) - distance
    if start < 0:
        raise MalformedInput("a reference to something before the beginning")
    if distance >= length:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // distance + 1))[:length]


def _flush(out: bytearray) -> Iterator[bytes]:
    """Yield all but the window, and forget it."""
    if len(out) > _WINDOW:
        yield bytes(out[: len(out) - _WINDOW])
        del out[: len(out) - _WINDOW]


def decode(source: Source) -> Iterator[bytes]:
    """Decode a stream to its end mark; the source stands behind it then."""
    out = bytearray()
    try:
        yield from _blocks(source, out)
    except (EndOfInput, MalformedInput):
        yield bytes(out)
        raise
    yield bytes(out)


def _blocks(source: Source, out: bytearray) -> Iterator[bytes]:
    bits = Bits(source)
    last = 0
    while not last:
        last = bits.take(1)
        kind = bits.take(2)
        if kind == 0:
            yield from _stored(source, bits, out)
        elif kind == 3:
            raise MalformedInput("a block of an unknown kind")
        else:
            yield from _compressed(bits, _fixed() if kind == 1 else _dynamic(bits), out)
    bits.finish()
