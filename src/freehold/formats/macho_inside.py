"""What macOS programs carry along: archives of PyInstaller and Node.js."""

import struct
from collections.abc import Iterator

from freehold.formats import pyinstaller
from freehold.formats.machocommands import Commands
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_SEGMENT = 0x19
_NODE = b"NODE_SEA\0"


def _node_application(view: View) -> Iterator[Child]:
    """Yield the application of Node.js that a program carries in a segment of its own."""
    commands = Commands(view)
    for kind, content in commands:
        if kind == _SEGMENT and len(content) >= 56 and content[8:24].startswith(_NODE):
            start, size = struct.unpack_from(commands.order + "QQ", content, 40)
            yield Child("node-application", view.slice(start, size))


class _MachoInside:
    name = "macho_inside"
    types = frozenset({"macho"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if unpacking.wants_facts:
            from freehold.formats import machofacts  # for people who ask

            machofacts.tell(view, unpacking)
        yield from _node_application(view)
        yield from pyinstaller.archive(view, unpacking)


FORMAT: Format = _MachoInside()
