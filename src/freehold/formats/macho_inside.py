"""What macOS programs carry along: the archive of PyInstaller."""

from collections.abc import Iterator

from freehold.formats import pyinstaller
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View


class _MachoInside:
    name = "macho_inside"
    types = frozenset({"macho"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if unpacking.wants_facts:
            from freehold.formats import machofacts  # for people who ask

            machofacts.tell(view, unpacking)
        yield from pyinstaller.archive(view, unpacking)


FORMAT: Format = _MachoInside()
