"""The resources of a PE program (versions, icons …), as ClamAV walks through them.

Source: Microsoft's PE format specification (the .rsrc section); observed behaviour of ClamAV 1.4.
"""

import struct
from collections.abc import Iterator

from freehold.formats.pe import file_offset
from freehold.model.errors import MalformedInput
from freehold.model.layout import Layout
from freehold.model.view import View

_RESOURCES = 2
_MOST_ENTRIES = 65_536
"""Directory entries that one search looks at; two nested tables could otherwise hold four thousand million."""
_SUBDIRECTORY = 0x80000000


class Resources:
    """The resource directory: types, in each names, in each languages.

    Attributes:
        address: of the directory, relative to the image.
    """

    __slots__ = ("_entries", "_layout", "_size", "_view", "address")

    def __init__(self, view: View, layout: Layout) -> None:
        self._view = view
        self._layout = layout
        known = len(layout.directories) > _RESOURCES
        self.address, self._size = layout.directories[_RESOURCES] if known else (0, 0)
        self._entries = 0

    def __bool__(self) -> bool:
        """Whether the header says that there are any."""
        return self._size != 0

    def at(self, address: int) -> int | None:
        """Return the offset in the file of an address relative to the image, None when there is none."""
        return file_offset(self._layout, address & 0xFFFFFFFF, self._view.size)

    def find(self, kind: int, name: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield (name, address of the data entry) of resources until the directory is found to be broken.

        Args:
            kind: number of their type.
            name: their number; None for all, with names or numbers.
        """
        self._entries = 0
        try:
            for entry, names in self._directory(0, named=False):
                if entry == kind and names & _SUBDIRECTORY:
                    yield from self._data_entries(names, name)
                    return
        except MalformedInput:
            return

    def _data_entries(self, names: int, wanted: int | None) -> Iterator[tuple[int, int]]:
        for name, languages in self._directory(names, named=wanted is None):
            if languages & _SUBDIRECTORY and wanted in (None, name):
                for _, data in self._directory(languages, named=True):
                    if not data & _SUBDIRECTORY:
                        yield name, self.address + data

    def _directory(self, offset: int, *, named: bool) -> Iterator[tuple[int, int]]:
        """Yield (identity, offset) of the entries of one directory; raises ``MalformedInput`` where it is cut."""
        start = self.at(self.address + (offset & ~_SUBDIRECTORY))
        head = self._view.read(start, 16) if start is not None else b""
        if start is None or len(head) < 16:
            raise MalformedInput("a resource directory lies outside the file")
        with_name, with_number = struct.unpack_from("<HH", head, 12)
        count = (with_name + with_number) & 0xFFFF if named else with_number
        self._entries += count
        if self._entries > _MOST_ENTRIES:
            raise MalformedInput("too many resources")
        table = self._view.read(start + 16 + (0 if named else 8 * with_name), 8 * count)
        yield from struct.iter_unpack("<II", table[: len(table) & ~7])
        if len(table) < 8 * count:
            raise MalformedInput("a resource directory is cut")
