"""Bits, in either order, and prefix codes made of them, for the decoders of our own."""

from collections.abc import Sequence
from typing import NamedTuple

from freehold.formats.pulled import EndOfInput, Source
from freehold.model.errors import MalformedInput

_REFILL = 32


class Prefixes(NamedTuple):
    """A prefix code: ``table`` is indexed by the next ``width`` bits and has (length << 16 | value), 0 for no code."""

    table: list[int]
    width: int


class Bits:
    """Reads a source bit by bit, lowest first; at its end there are zeros, and using them raises ``EndOfInput``."""

    __slots__ = ("_bits", "_count", "_source", "_void")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._bits = 0
        self._count = 0
        self._void = 0

    def _fill(self) -> None:
        data = self._source.up_to(_REFILL)
        self._bits |= int.from_bytes(data, "little") << self._count
        self._count += 8 * _REFILL
        self._void += 8 * (_REFILL - len(data))

    def take(self, width: int) -> int:
        """Return the next ``width`` bits (at most 32) as a number."""
        if self._count < width:
            self._fill()
        value = self._bits & ((1 << width) - 1)
        self._drop(width)
        return value

    def symbol(self, prefixes: Prefixes) -> int:
        """Return the value of the next code; raises ``MalformedInput`` when there is none."""
        table, width = prefixes
        if self._count < width:
            self._fill()
        entry = table[self._bits & ((1 << width) - 1)]
        if not entry:
            raise MalformedInput("a code that stands for nothing")
        self._drop(entry >> 16)
        return entry & 0xFFFF

    def _drop(self, width: int) -> None:
        self._bits >>= width
        self._count -= width
        if self._count < self._void:
            raise EndOfInput

    def align(self) -> None:
        """Skip to the next byte."""
        self._drop(self._count % 8)

    def finish(self) -> None:
        """Give back to the source the bytes that were not looked at."""
        self._source.seek(self._source.position - (self._count - self._void) // 8)
        self._bits = self._count = self._void = 0


def prefixes(codes: Sequence[tuple[int, int, int]]) -> Prefixes:
    """Return the table for codes, each with its bits (first one lowest), their number (1 to 16) and its value."""
    width = max((length for _, length, _ in codes), default=1)
    table = [0] * (1 << width)
    for code, length, value in codes:
        step = 1 << length
        table[code::step] = [length << 16 | value] * (len(range(code, len(table), step)))
    return Prefixes(table, width)


def reverse(code: int, length: int) -> int:
    """Return the lowest ``length`` bits of a code in the opposite order."""
    return int(f"{code:0{length}b}"[::-1], 2)


class HighBits:
    """As ``Bits``, with the highest bit of each byte first."""

    __slots__ = ("_bits", "_count", "_source", "_void")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._bits = 0
        self._count = 0
        self._void = 0

    def _fill(self) -> None:
        data = self._source.up_to(_REFILL)
        self._bits = self._bits << 8 * _REFILL | int.from_bytes(data.ljust(_REFILL, b"\0"))
        self._count += 8 * _REFILL
        self._void += 8 * (_REFILL - len(data))

    def peek(self, width: int) -> int:
        """Return the next ``width`` bits (at most 32) as a number, and leave them there."""
        if self._count < width:
            self._fill()
        return self._bits >> (self._count - width)

    def take(self, width: int) -> int:
        """Return the next ``width`` bits (at most 32) as a number."""
        if self._count < width:
            self._fill()
        value = self._bits >> (self._count - width)
        self.drop(width)
        return value

    def symbol(self, prefixes: Prefixes) -> int:
        """Return the value of the next code; raises ``MalformedInput`` when there is none."""
        table, width = prefixes
        if self._count < width:
            self._fill()
        entry = table[self._bits >> (self._count - width)]
        if not entry:
            raise MalformedInput("a code that stands for nothing")
        self.drop(entry >> 16)
        return entry & 0xFFFF

    def drop(self, width: int) -> None:
        """Pass over bits that were looked at."""
        self._count -= width
        self._bits &= (1 << self._count) - 1
        if self._count < self._void:
            raise EndOfInput


def high_prefixes(lengths: Sequence[int]) -> Prefixes:
    """Return the table of a canonical code, highest bit first, given the length (0: none, up to 16) for each value.

    Raises ``MalformedInput`` when there are more codes than such lengths allow.
    """
    width = max(max(lengths, default=0), 1)
    table: list[int] = []
    for length in range(1, width + 1):
        for value, own in enumerate(lengths):
            if own == length:
                table += [length << 16 | value] * (1 << (width - length))
        if len(table) > 1 << width:
            raise MalformedInput("too many codes")
    return Prefixes(table + [0] * ((1 << width) - len(table)), width)
