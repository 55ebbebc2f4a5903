"""The decoder of RAR 1.5 (versions below 20): LZ77 with adaptive ranks of bytes, distances and flags.

Ranks are kept in lists whose entries hold a value and how often it was seen; the most frequent ones move to the front,
and fixed prefix codes, chosen by running averages, stand for the places. All of it lives on in solid archives.

Source: the description of the format by its other free readers, and observed archives.
"""

from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.bits import HighBits
from freehold.formats.deflate64 import repeat
from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput

_WINDOW = 1 << 16
_CHUNK = 1 << 18
_MOST_SEEN = 0xA1


class _Code(NamedTuple):
    """A fixed code: its shortest length, the limits of the lengths, and the first value of each."""

    shortest: int
    limits: tuple[int, ...]
    first: tuple[int, ...]


_L1 = _Code(
    2,
    (0x8000, 0xA000, 0xC000, 0xD000, 0xE000, 0xEA00, 0xEE00, 0xF000, 0xF200, 0xF200, 0xFFFF),
    (0, 0, 0, 2, 3, 5, 7, 11, 16, 20, 24, 32, 32),
)
_L2 = _Code(
    3,
    (0xA000, 0xC000, 0xD000, 0xE000, 0xEA00, 0xEE00, 0xF000, 0xF200, 0xF240, 0xFFFF),
    (0, 0, 0, 0, 5, 7, 9, 13, 18, 22, 26, 34, 36),
)
_H0 = _Code(
    4,
    (0x8000, 0xC000, 0xE000, 0xF200, 0xF200, 0xF200, 0xF200, 0xF200, 0xFFFF),
    (0, 0, 0, 0, 0, 8, 16, 24, 33, 33, 33, 33, 33),
)
_H1 = _Code(
    5,
    (0x2000, 0xC000, 0xE000, 0xF000, 0xF200, 0xF200, 0xF7E0, 0xFFFF),
    (0, 0, 0, 0, 0, 0, 4, 44, 60, 76, 80, 80, 127),
)
_H2 = _Code(
    5,
    (0x1000, 0x2400, 0x8000, 0xC000, 0xFA00, 0xFFFF, 0xFFFF, 0xFFFF),
    (0, 0, 0, 0, 0, 0, 2, 7, 53, 117, 233, 0, 0),
)
_H3 = _Code(
    6,
    (0x0800, 0x2400, 0xEE00, 0xFE80, 0xFFFF, 0xFFFF, 0xFFFF),
    (0, 0, 0, 0, 0, 0, 0, 2, 16, 218, 251, 0, 0),
)
_H4 = _Code(8, (0xFF00, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF), (0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0))
_BYTE_CODES = ((0x75FF, _H4), (0x5DFF, _H3), (0x35FF, _H2), (0x0DFF, _H1), (-1, _H0))
_PLACE_CODES = ((0x28FF, _H2), (0x06FF, _H1), (-1, _H0))

_REST = ((4, 0xC0), (4, 0x80), (5, 0x90), (6, 0x98), (6, 0x9C), (4, 0xB0))
_SHORT_1 = (
    (1, 0),
    (3, 0xA0),
    (4, 0xD0),
    (4, 0xE0),
    (5, 0xF0),
    (6, 0xF8),
    (7, 0xFC),
    (8, 0xFE),
    (8, 0xFF),
    *_REST,
)
_SHORT_2 = (
    (2, 0),
    (3, 0x40),
    (3, 0x60),
    (3, 0xA0),
    (4, 0xD0),
    (4, 0xE0),
    (5, 0xF0),
    (6, 0xF8),
    (6, 0xFC),
    *_REST,
)
_AGAIN, _LONG, _TOGGLE = 9, 14, 10


def _choose(codes: tuple[tuple[int, _Code], ...], average: int) -> _Code:
    return next(code for above, code in codes if average > above)


class _Ranks:
    """Values in the order of their frequency: each entry is a value and, in its lowest byte, how often it was seen."""

    __slots__ = ("_entries", "_first")

    def __init__(self, values: list[int], *, sorted_: bool) -> None:
        self._entries = [value << 8 for value in values]
        self._first = [0] * 256
        if sorted_:
            self._halve()

    def _halve(self) -> None:
        self._entries = [entry & ~0xFF | 7 - place // 32 for place, entry in enumerate(self._entries)]
        self._first = [(7 - seen) * 32 if seen < 7 else 0 for seen in range(256)]

    def take(self, place: int, most: int) -> int:
        """Return the value at ``place``, and move it to the front of those that were seen as often."""
        while True:
            entry = self._entries[place]
            seen = entry & 0xFF
            target = self._first[seen]
            self._first[seen] = (target + 1) & 0xFF
            if seen < most:
                break
            self._halve()
        self._entries[place] = self._entries[target]
        self._entries[target] = entry + 1
        return entry >> 8


class Decoder:
    """Decodes the members of one archive, one after the other."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._bytes = _Ranks(list(range(256)), sorted_=False)
        self._high = _Ranks(list(range(256)), sorted_=True)
        self._flags = _Ranks([-value & 0xFF for value in range(256)], sorted_=False)
        self._near = list(range(256))
        self._byte_average, self._place_average = 0x3500, 0
        self._short_average = self._long_average = self._zero_average = 0
        self._bytes_weight = self._matches_weight = 0x80
        self._far = 0x2001
        self._toggled = 0
        self._bytes_in_row = 0
        self._recent = [0] * 4
        self._last_distance = self._last_length = 0
        self._flag_bits = self._flag_count = self._agains = 0
        self._only_bytes = False
        self._left = 0

    def decode(self, source: Source, size: int) -> Iterator[bytes]:
        """Yield the ``size`` bytes of the next member."""
        bits = HighBits(source)
        out = self._out
        done = len(out)
        self._left = size
        self._flag_bits = self._flag_count = self._agains = 0
        self._only_bytes = False
        try:
            while self._left > 0:
                self._step(bits)
                if len(out) > _WINDOW + _CHUNK:
                    yield bytes(out[done:])
                    del out[:-_WINDOW]
                    done = len(out)
        except (EndOfInput, MalformedInput):
            yield bytes(out[done:])
            raise
        yield bytes(out[done:])

    def _step(self, bits: HighBits) -> None:
        matches_prevail = self._matches_weight > self._bytes_weight
        if self._only_bytes:
            self._byte(bits)
        elif self._flag(bits):
            (self._long_match if matches_prevail else self._byte)(bits)
        elif self._flag(bits):
            (self._byte if matches_prevail else self._long_match)(bits)
        else:
            self._short_match(bits)

    def _flag(self, bits: HighBits) -> bool:
        if not self._flag_count:
            self._flag_count = 8
            place = _number(bits, _H2)
            if place < 256:
                self._flag_bits = self._flags.take(place, 0xFF)
        self._flag_count -= 1
        self._flag_bits <<= 1
        return bool(self._flag_bits & 0x100)

    def _byte(self, bits: HighBits) -> None:
        start = bits.peek(16)
        place = _number(bits, _choose(_BYTE_CODES, self._byte_average)) & 0xFF
        if self._only_bytes:
            if not place and start > 0xFFF:
                place = 0x100
            place -= 1
            if place < 0:
                self._leave_bytes(bits)
                return
        else:
            self._bytes_in_row += 1
            self._only_bytes = self._bytes_in_row > 16 and not self._flag_count
        self._byte_average += place
        self._byte_average -= self._byte_average >> 8
        self._bytes_weight += 16
        if self._bytes_weight > 0xFF:
            self._bytes_weight = 0x90
            self._matches_weight >>= 1
        self._out.append(self._bytes.take(place, _MOST_SEEN) & 0xFF)
        self._left -= 1

    def _leave_bytes(self, bits: HighBits) -> None:
        """A match among bytes without flags, or the end of them."""
        if bits.take(1):
            self._bytes_in_row = 0
            self._only_bytes = False
            return
        length = 4 if bits.take(1) else 3
        distance = _number(bits, _H2) << 5
        self._copy(distance | bits.take(5), length)

    def _long_match(self, bits: HighBits) -> None:
        self._bytes_in_row = 0
        self._matches_weight += 16
        if self._matches_weight > 0xFF:
            self._matches_weight = 0x90
            self._bytes_weight >>= 1
        average = self._long_average
        length = self._long_length(bits)
        self._long_average += length
        self._long_average -= self._long_average >> 5
        place = _number(bits, _choose(_PLACE_CODES, self._place_average))
        self._place_average += place
        self._place_average -= self._place_average >> 8
        distance = (self._high.take(place & 0xFF, 0xFF) & 0xFF) << 7 | bits.take(7)
        zeros = self._zero_average
        if not length and distance <= self._far:
            self._zero_average += 1
            self._zero_average -= self._zero_average >> 8
        elif length not in (1, 4):
            self._zero_average = max(self._zero_average - 1, 0)
        length += 3 + (distance >= self._far) + 8 * (distance <= 256)
        slow = zeros > 0xB0 or (self._byte_average >= 0x2A00 and average < 0x40)
        self._far = 0x7F00 if slow else 0x2001
        self._remember(distance, length)

    def _long_length(self, bits: HighBits) -> int:
        if self._long_average >= 122:
            return _number(bits, _L2)
        if self._long_average >= 64:
            return _number(bits, _L1)
        start = bits.peek(16)
        if start < 0x100:
            return bits.take(16)
        length = 16 - start.bit_length()
        bits.drop(length + 1)
        return length

    def _short_match(self, bits: HighBits) -> None:
        self._bytes_in_row = 0
        if self._agains == 2:
            if bits.take(1):
                self._copy(self._last_distance, self._last_length)
                return
            self._agains = 0
        kind = self._short_kind(bits)
        if kind == _AGAIN:
            self._agains += 1
            self._copy(self._last_distance, self._last_length)
            return
        self._agains = 0
        if kind == _LONG:
            length = _number(bits, _L2) + 5
            self._last_distance, self._last_length = bits.take(15) | 0x8000, length
            self._copy(self._last_distance, length)
        elif kind > _AGAIN:
            self._recent_match(bits, kind)
        else:
            self._short_average += kind
            self._short_average -= self._short_average >> 4
            place = _number(bits, _H2) & 0xFF
            distance = self._near[place]
            if place:
                self._near[place - 1 : place + 1] = distance, self._near[place - 1]
            self._remember(distance + 1, kind + 2)

    def _short_kind(self, bits: HighBits) -> int:
        start = bits.peek(8)
        first = self._short_average < 37
        for kind, (length, code) in enumerate(_SHORT_1 if first else _SHORT_2):
            if self._toggled and kind == (1 if first else 3):
                length += 1  # noqa: PLW2901 - the only one that changes
            if not (start ^ code) >> max(8 - length, 0):
                bits.drop(length)
                return kind
        raise MalformedInput("a match of no kind")

    def _recent_match(self, bits: HighBits, kind: int) -> None:
        distance = self._recent[_AGAIN - kind]
        length = _number(bits, _L1) + 2
        if length == 0x101 and kind == _TOGGLE:
            self._toggled ^= 1
            return
        self._remember(distance, length + (distance > 256) + (distance >= self._far))

    def _remember(self, distance: int, length: int) -> None:
        self._recent = [*self._recent[1:], distance]
        self._last_distance, self._last_length = distance, length
        self._copy(distance, length)

    def _copy(self, distance: int, length: int) -> None:
        if not distance:
            raise MalformedInput("a match before the first one")
        length = min(length, self._left)
        repeat(self._out, distance, length)
        self._left -= length


def _number(bits: HighBits, code: _Code) -> int:
    value = bits.peek(16) & 0xFFF0
    below = 0
    width = code.shortest
    for limit in code.limits:
        if limit > value:
            break
        below = limit
        width += 1
    bits.drop(width)
    return ((value - below) >> (16 - width)) + code.first[width]
