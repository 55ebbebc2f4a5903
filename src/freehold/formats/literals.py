"""Looking for several literals at once, at memory speed: Python's own search takes longer for one of them."""

from collections.abc import Callable, Sequence
from typing import Any

import hyperscan

_TOGETHER = 8
"""Literals that are looked for in one pass. Larger sets take Hyperscan a second to compile when they are unlucky."""


class LiteralSearch:
    """A set of literals, compiled when it is first looked for.

    Args:
        literals: each with whether its ASCII letters stand for either case.
    """

    __slots__ = ("_lengths", "_literals", "_scans")

    def __init__(self, literals: Sequence[tuple[bytes, bool]]) -> None:
        self._literals = literals
        self._lengths = [len(literal) for literal, _ in literals]
        self._scans: dict[tuple[int, ...], Callable[..., None]] = {}

    @property
    def compiled(self) -> bool:
        """Whether it has been used before, so that using it costs only the search."""
        return bool(self._scans)

    def places(
        self, data: bytes | memoryview, most: int, without: frozenset[int] = frozenset()
    ) -> tuple[list[list[int]], frozenset[int]]:
        """Return where each literal starts, ascending, and which literals were not looked for to the end.

        Args:
            data: where to look.
            most: a literal that occurs more often is given up there, so that nobody can make this slow.
            without: numbers of literals that are not looked for at all.
        """
        found: list[list[int]] = [[] for _ in self._literals]
        on_match = _collector(found, self._lengths, most)
        numbers = [number for number in range(len(self._literals)) if number not in without]
        for start in range(0, len(numbers), _TOGETHER):
            group = tuple(numbers[start : start + _TOGETHER])
            while group:
                try:
                    self._scan(group)(data, on_match)
                except hyperscan.ScanTerminated:
                    without |= {number for number in group if len(found[number]) > most}
                    group = tuple(number for number in group if number not in without)
                    for number in group:
                        found[number].clear()
                else:
                    break
        return found, without

    def _scan(self, numbers: tuple[int, ...]) -> Callable[..., None]:
        scan = self._scans.get(numbers)
        if scan is None:
            scan = self._scans[numbers] = self._compile(numbers)
        return scan

    def _compile(self, numbers: tuple[int, ...]) -> Callable[..., None]:
        chosen = [self._literals[number] for number in numbers]
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[b"".join(b"\\x%02x" % byte for byte in literal) for literal, _ in chosen],
            ids=list(numbers),
            flags=[hyperscan.HS_FLAG_CASELESS * nocase for _, nocase in chosen],
        )
        database.scratch = hyperscan.Scratch(database)
        scan: Callable[..., None] = database.scan
        return scan


def _collector(found: list[list[int]], lengths: Sequence[int], most: int) -> Callable[..., Any]:
    def on_match(number: int, _: int, end: int, __: int, ___: object) -> bool:
        places = found[number]
        places.append(end - lengths[number])
        return len(places) > most  # ends the search

    return on_match
