"""NRV2B, NRV2D and NRV2E, the codecs of UPX: LZ77 with bits that stand between the bytes.

Bits come from words of one, two or four bytes, most significant bit first; a word is taken from the input when a bit is
needed and none is left, bytes are taken as they are needed. The three variants differ in how an offset and a length are
written.

Source: documentation of the UCL data compression library; observed output of ``upx``.
"""

from collections.abc import Callable

from freehold.model.errors import MalformedInput

_TICK = 4096
_END = 0xFFFFFFFF
_LARGEST = 1 << 32


def decode(variant: str, word: int, data: bytes, size: int, tick: Callable[[], None]) -> bytearray:
    """Return what a stream decodes to.

    Args:
        variant: ``b``, ``d`` or ``e``.
        word: bytes in a word of bits.
        data: the stream.
        size: bytes that it must decode to.
        tick: called now and then; may raise.

    Raises:
        MalformedInput: the stream is damaged, or decodes to more or fewer bytes.
    """
    bits = _Bits(data, word)
    read_match = {"b": bits.match_b, "d": bits.match_d, "e": bits.match_e}[variant]
    far = 0xD00 if variant == "b" else 0x500
    out = bytearray()
    matches = 0
    try:
        while True:
            out += bits.literals()
            offset, length = read_match()
            if not offset:
                break
            length += 1 + (offset > far)
            if offset > len(out) or len(out) + length > size:
                raise MalformedInput("points outside of what was decoded")
            _copy(out, offset, length)
            matches += 1
            if matches % _TICK == 0:
                tick()
    except IndexError as error:
        raise MalformedInput("ends too early") from error
    if len(out) != size:
        raise MalformedInput(f"decodes to {len(out)} bytes instead of {size}")
    return out


def _copy(out: bytearray, offset: int, length: int) -> None:
    start = len(out) - offset
    if offset >= length:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // offset + 1))[:length]


class _Bits:
    """The input; every method raises ``IndexError`` at its end."""

    __slots__ = ("_at", "_data", "_last", "_left", "_size", "_word")

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size
        self._at = 0
        self._word = 0
        self._left = 0
        self._last = 1

    def bit(self) -> int:
        if not self._left:
            self._fill()
        self._left -= 1
        return self._word >> self._left & 1

    def literals(self) -> bytes:
        """Return the bytes that stand for themselves: one for each 1 bit, up to a 0 bit."""
        found = []
        while True:
            if not self._left:
                self._fill()
            rest = self._word & ((1 << self._left) - 1)
            ones = self._left - (rest ^ ((1 << self._left) - 1)).bit_length()
            if ones:
                piece = self._data[self._at : self._at + ones]
                if len(piece) < ones:
                    raise IndexError
                found.append(piece)
                self._at += ones
                self._left -= ones
            if self._left:
                self._left -= 1
                return b"".join(found)

    def match_b(self) -> tuple[int, int]:
        """Return offset and length as NRV2B writes them; an offset of 0 is the end."""
        offset = self._number(1)
        if offset == 2:
            offset = self._last
        else:
            offset = self._with_byte(offset)
            if offset == _END:
                return 0, 0
            offset = self._last = offset + 1
        length = 2 * self.bit() + self.bit()
        return offset, length or self._number(1) + 2

    def match_d(self) -> tuple[int, int]:
        offset, length = self._offset()
        if not offset:
            return 0, 0
        length = 2 * length + self.bit()
        return offset, length or self._number(1) + 2

    def match_e(self) -> tuple[int, int]:
        offset, length = self._offset()
        if not offset:
            return 0, 0
        if length:
            return offset, 1 + self.bit()
        if self.bit():
            return offset, 3 + self.bit()
        return offset, self._number(1) + 3

    def _offset(self) -> tuple[int, int]:
        """Return the offset and the first bit of the length as NRV2D and NRV2E write them."""
        offset = 1
        while True:
            offset = 2 * offset + self.bit()
            if self.bit():
                break
            if offset > _LARGEST:
                raise IndexError
            offset = 2 * (offset - 1) + self.bit()
        if offset == 2:
            return self._last, self.bit()
        offset = self._with_byte(offset)
        if offset == _END:
            return 0, 0
        self._last = (offset >> 1) + 1
        return self._last, ~offset & 1

    def _number(self, value: int) -> int:
        """Return a number in Elias' manner: a bit of it, then one that says whether it ends here."""
        while value < _LARGEST:
            value = 2 * value + self.bit()
            if self.bit():
                return value
        raise IndexError

    def _with_byte(self, offset: int) -> int:
        byte = self._data[self._at]
        self._at += 1
        return ((offset - 3) << 8 | byte) & _END

    def _fill(self) -> None:
        word = self._data[self._at : self._at + self._size]
        if len(word) < self._size:
            raise IndexError
        self._at += self._size
        self._word = int.from_bytes(word, "little")
        self._left = 8 * self._size
