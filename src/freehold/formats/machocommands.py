"""The load commands of Mach-O programs, as they stand there: what facts and code signatures are read from.

(``macho`` reads the layout with ClamAV's refusals; here nothing is refused.)

Source: Apple's <mach-o/loader.h>.
"""

from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.macho import MAGICS
from freehold.model.view import View

_MOST_COMMANDS = 1024
_LARGEST = 1 << 20
"""Bytes of all load commands."""


class Commands:
    """The header of a Mach-O program, and its load commands.

    Attributes:
        order: of bytes, as ``struct`` writes it.
        wide: 64-bit addresses.
        processor: number of its kind.
        kind: of file.
    """

    def __init__(self, view: View) -> None:
        head = view.read(0, 32)
        self.order, self.wide = MAGICS.get(head[:4], ("<", False))
        big = self.order == ">"
        self.processor, _, self.kind, self._count, size = (
            int.from_bytes(head[at : at + 4], "big" if big else "little") for at in range(4, 24, 4)
        )
        self._content = view.read(32 if self.wide else 28, min(size, _LARGEST)) if head[:4] in MAGICS else b""

    def __iter__(self) -> Iterator["Command"]:
        at = 0
        order = "big" if self.order == ">" else "little"
        for _ in range(min(self._count, _MOST_COMMANDS)):
            kind, size = (int.from_bytes(self._content[at + n : at + n + 4], order) for n in (0, 4))  # type: ignore[arg-type]
            if size < 8 or at + size > len(self._content):
                return
            yield Command(kind & 0x7FFFFFFF, self._content[at : at + size])
            at += size


class Command(NamedTuple):
    """One load command.

    Attributes:
        kind: without the bit that says that the loader must know it.
        content: from its first byte.
    """

    kind: int
    content: bytes
