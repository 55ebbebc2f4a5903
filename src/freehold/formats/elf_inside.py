"""What ELF programs carry along: the program that a packer has hidden in one, the archive of PyInstaller.

Source: see ``upx_elf``.
"""

from collections.abc import Iterator

from freehold.formats import pyinstaller, upx_elf
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View


class _ElfInside:
    name = "elf_inside"
    types = frozenset({"elf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if unpacking.wants_facts:
            from freehold.formats import elffacts  # for people who ask

            elffacts.tell(view, unpacking)
        yield from upx_elf.unpacked(view, unpacking)
        yield from pyinstaller.archive(view, unpacking)


FORMAT: Format = _ElfInside()
