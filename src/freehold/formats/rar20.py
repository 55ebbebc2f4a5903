"""The decoder of RAR 2.0 (versions 20 to 26): LZ77 with Huffman codes, and a predictor for sounds.

The dictionary and the codes live on from member to member in solid archives.

Source: the description of the format by its other free readers, and observed archives.
"""

from collections.abc import Iterator

from freehold.formats.bits import HighBits, Prefixes, high_prefixes
from freehold.formats.deflate64 import repeat
from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput

_WINDOW = 1 << 20
_CHUNK = 1 << 18
_MAIN, _DISTANCES, _REPEATS, _SOUND = 298, 48, 28, 257
_LENGTH_BASE = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
    12,
    14,
    16,
    20,
    24,
    28,
    32,
    40,
    48,
    56,
    64,
    80,
    96,
    112,
    128,
    160,
    192,
    224,
)
_LENGTH_BITS = (0,) * 8 + (1,) * 4 + (2,) * 4 + (3,) * 4 + (4,) * 4 + (5,) * 4
_DISTANCE_BITS = (0, 0, 0, 0, *(bits for bits in range(1, 16) for _ in range(2)), *(16,) * 14)
_SHORT_BASE = (0, 4, 8, 16, 32, 64, 128, 192)
_SHORT_BITS = (2, 2, 3, 4, 5, 6, 6, 6)
_LAST, _LAST_FOUR, _SHORT, _NEW_CODES, _MATCH = 256, 257, 261, 269, 270


def _distance_base() -> tuple[int, ...]:
    base, found = 0, []
    for bits in _DISTANCE_BITS:
        found.append(base)
        base += 1 << bits
    return tuple(found)


_DISTANCE_BASE = _distance_base()


class _Channel:
    """The predictor of one channel of sound."""

    def __init__(self) -> None:
        self.weights = [0] * 5
        self.past = [0] * 4
        self.errors = [0] * 11
        self.count = 0
        self.step = 0
        self.value = 0

    def next(self, delta: int, other: int) -> int:
        """Return the value that differs from the predicted one by ``delta``; ``other`` is the other channel's step."""
        self.count += 1
        first, second, third, _ = self.past
        terms = [self.step, self.step - first, second, third]
        self.past = terms
        guess = 8 * self.value + sum(w * term for w, term in zip(self.weights, (*terms, other), strict=True))
        value = ((guess >> 3 & 0xFF) - delta) & 0xFF
        error = (delta - 256 if delta > 127 else delta) << 3
        self.errors[0] += abs(error)
        for index, term in enumerate((*terms, other)):
            self.errors[2 * index + 1] += abs(error - term)
            self.errors[2 * index + 2] += abs(error + term)
        step = (value - self.value) & 0xFF
        self.step = step - 256 if step > 127 else step
        self.value = value
        if not self.count & 31:
            self._adapt()
        return value

    def _adapt(self) -> None:
        best = self.errors.index(min(self.errors))
        self.errors = [0] * 11
        if best:
            index = (best - 1) // 2
            if best & 1 and self.weights[index] >= -16:
                self.weights[index] -= 1
            elif not best & 1 and self.weights[index] < 16:
                self.weights[index] += 1


class Decoder:
    """Decodes the members of one archive, one after the other."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._lengths = [0] * (_SOUND * 4)
        self._codes: list[Prefixes] = []
        self._sound = False
        self._channels = [_Channel() for _ in range(4)]
        self._count = 1
        self._channel = 0
        self._step = 0
        self._recent = [0] * 4
        self._last_length = 0

    def decode(self, source: Source, size: int) -> Iterator[bytes]:
        """Yield the ``size`` bytes of the next member."""
        bits = HighBits(source)
        out = self._out
        done = len(out)
        left = size
        try:
            if size and not self._codes:
                self._read_codes(bits)
            while left > 0:
                before = len(out)
                if self._sound:
                    self._sample(bits)
                else:
                    self._symbol(bits, left)
                left -= len(out) - before
                if len(out) > _WINDOW + _CHUNK:
                    yield bytes(out[done:])
                    del out[:-_WINDOW]
                    done = len(out)
            self._read_last_codes(bits)
        except (EndOfInput, MalformedInput):
            yield bytes(out[done:])
            raise
        yield bytes(out[done:])

    def _symbol(self, bits: HighBits, left: int) -> None:
        main, distances, repeats = self._codes
        number = bits.symbol(main)
        if number < _LAST:
            self._out.append(number)
        elif number >= _MATCH:
            length = self._length(bits, number - _MATCH) + 3
            slot = bits.symbol(distances)
            distance = _DISTANCE_BASE[slot] + 1 + bits.take(_DISTANCE_BITS[slot])
            self._copy(distance, length + (distance >= 0x2000) + (distance >= 0x40000), left)
        elif number == _NEW_CODES:
            self._read_codes(bits)
        elif number == _LAST:
            self._copy(self._recent[-1], self._last_length, left)
        elif number < _SHORT:
            distance = self._recent[_LAST - number]
            length = self._length(bits, bits.symbol(repeats)) + 2
            longer = (distance >= 0x101) + (distance >= 0x2000) + (distance >= 0x40000)
            self._copy(distance, length + longer, left)
        else:
            slot = number - _SHORT
            self._copy(_SHORT_BASE[slot] + 1 + bits.take(_SHORT_BITS[slot]), 2, left)

    @staticmethod
    def _length(bits: HighBits, slot: int) -> int:
        return _LENGTH_BASE[slot] + bits.take(_LENGTH_BITS[slot])

    def _copy(self, distance: int, length: int, left: int) -> None:
        if not distance:
            raise MalformedInput("a match before the first one")
        self._recent = [*self._recent[1:], distance]
        self._last_length = length
        repeat(self._out, distance, min(length, left))

    def _sample(self, bits: HighBits) -> None:
        delta = bits.symbol(self._codes[self._channel])
        if delta == _SOUND - 1:
            self._read_codes(bits)
            return
        channel = self._channels[self._channel]
        self._out.append(channel.next(delta, self._step))
        self._step = channel.step
        self._channel = (self._channel + 1) % self._count

    def _read_codes(self, bits: HighBits) -> None:
        """Read the codes' lengths, each as the difference to the one before, packed by a code of their own."""
        self._sound = bool(bits.take(1))
        if not bits.take(1):
            self._lengths = [0] * (_SOUND * 4)
        total = _MAIN + _DISTANCES + _REPEATS
        if self._sound:
            self._count = bits.take(2) + 1
            self._channel %= self._count
            total = _SOUND * self._count
        helper = high_prefixes([bits.take(4) for _ in range(19)])
        lengths: list[int] = []
        while len(lengths) < total:
            number = bits.symbol(helper)
            if number < 16:
                lengths.append((number + self._lengths[len(lengths)]) & 15)
            elif number == 16:
                count = bits.take(2) + 3
                if not lengths:
                    raise MalformedInput("nothing to repeat")
                lengths += lengths[-1:] * count
            else:
                lengths += [0] * (bits.take(3) + 3 if number == 17 else bits.take(7) + 11)
        del lengths[total:]
        self._lengths[:total] = lengths
        places = [_SOUND] * self._count if self._sound else [_MAIN, _DISTANCES, _REPEATS]
        self._codes = []
        for size in places:
            self._codes.append(high_prefixes(lengths[:size]))
            del lengths[:size]

    def _read_last_codes(self, bits: HighBits) -> None:
        """Read what may stand behind a member: the codes of the next one."""
        try:
            code = self._codes[self._channel if self._sound else 0]
            if bits.symbol(code) == (_SOUND - 1 if self._sound else _NEW_CODES):
                self._read_codes(bits)
        except (EndOfInput, MalformedInput, IndexError):
            return
