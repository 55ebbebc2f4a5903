"""What ELF programs carry along: the program that a packer has hidden in one.

Source: see ``upx_elf``.
"""

from collections.abc import Iterator

from freehold.formats import upx_elf
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View


class _ElfInside:
    name = "elf_inside"
    types = frozenset({"elf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from upx_elf.unpacked(view, unpacking)


FORMAT: Format = _ElfInside()
