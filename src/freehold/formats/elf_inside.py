"""What ELF programs carry along: a program that a packer has hidden, the archive of PyInstaller, the bundle of .NET.

Source: see ``upx_elf``.
"""

from collections.abc import Iterator
from typing import Literal

from freehold.formats import dotnetbundle, pyinstaller, upx_elf
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View


def _end(view: View) -> int:
    """Return where the table of sections ends, mostly the last thing in a program; the view's end without one."""
    head = view.read(0, 64)
    order: Literal["little", "big"] = "big" if head[5:6] == b"\2" else "little"
    place, sizes = (slice(40, 48), 58) if head[4:5] == b"\2" else (slice(32, 36), 46)
    table, size, count = (int.from_bytes(head[part], order) for part in (place, _pair(sizes), _pair(sizes + 2)))
    return table + size * count if table else view.size


def _pair(at: int) -> slice:
    return slice(at, at + 2)


class _ElfInside:
    name = "elf_inside"
    types = frozenset({"elf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if unpacking.wants_facts:
            from freehold.formats import elffacts  # for people who ask

            elffacts.tell(view, unpacking)
        yield from upx_elf.unpacked(view, unpacking)
        yield from dotnetbundle.members(view, _end(view), unpacking)
        yield from pyinstaller.archive(view, unpacking)


FORMAT: Format = _ElfInside()
