"""Which memory is code and which is data, for a processor that must be told: in lines of a few bytes.

A page becomes code when it is executed, but for the lines of it that were written to since; a line stops being code
when it is written to. The lines are small, as packers keep their variables between their instructions, and not too
small, as each change costs a translation of all code.
"""

from collections.abc import Iterable, Iterator

from freehold.emulation.cpu import PAGE

LINE = 128
LONGEST = 16
"""Bytes of the longest instruction, and of the longest number."""


def lines_at(address: int) -> tuple[int, int]:
    """Return the line of an address, and that in which an instruction or a number may end that begins there."""
    return address // LINE, (address + LONGEST - 1) // LINE


class Lines:
    """The lines that are code."""

    def __init__(self) -> None:
        self._code: set[int] = set()
        self._written: set[int] = set()

    def executed(self, address: int, memory: Iterable[tuple[int, int]]) -> bool:
        """Take note that an address is executed; False when it is code already, or no memory that can be.

        Args:
            address: of an instruction.
            memory: the ranges that may be code, each with its beginning and its end.
        """
        first = address // PAGE * (PAGE // LINE)
        ranges = [range(start // LINE, -(-end // LINE)) for start, end in memory]
        here = {line for line in lines_at(address) if any(line in lines for lines in ranges)}
        if here <= self._code:
            return False
        page = {line for line in range(first, first + PAGE // LINE) if any(line in lines for lines in ranges)}
        self._written -= here
        self._code |= here | (page - self._written)
        return True

    def written(self, address: int) -> set[int]:
        """Take note that an address is written to; return the lines that stop being code."""
        lines = self._code.intersection(lines_at(address))
        self._code -= lines
        self._written |= lines
        return lines

    def hold(self, address: int, size: int) -> bool:
        """Tell whether any of a range is code."""
        return size > 0 and not self._code.isdisjoint(range(address // LINE, (address + size - 1) // LINE + 1))

    def forget(self, address: int, size: int) -> None:
        """Take note that a range is memory no more."""
        self._code.difference_update(range(address // LINE, -(-(address + size) // LINE)))

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield beginning and size in bytes of the lines of code that follow one another."""
        ordered = sorted(self._code)
        first = 0
        for index in range(1, len(ordered) + 1):
            if index == len(ordered) or ordered[index] != ordered[index - 1] + 1:
                yield ordered[first] * LINE, (index - first) * LINE
                first = index
