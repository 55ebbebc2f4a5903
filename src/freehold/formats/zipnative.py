"""Members of zip archives that were packed by methods which only 7-Zip's library knows: shrunk, PPMd.

Each is given to the library as an archive of its own, so that the library sees neither the names nor the structure that
zip's reader has judged already.
"""

import struct
from collections.abc import Iterator

from freehold.formats.seven import SevenZipFormat
from freehold.formats.ziprecords import CENTRAL, END, LOCAL
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

METHODS = frozenset({1, 98})
_LIBRARY = SevenZipFormat("zip", 0x01, alone=False)
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION = 63
_LARGEST = 0xFFFFFFFF
_PIECE = 1 << 18


def content(
    view: View, name: str, fields: tuple[int, int, int], extent: tuple[int, int], unpacking: Unpacking
) -> Iterator[Child]:
    """Yield the content of one member.

    Args:
        view: the archive.
        name: the member's.
        fields: its method, checksum and unpacked size.
        extent: where its packed content begins and ends.
        unpacking: see ``Format.children``.
    """
    if max(fields[2], extent[1] - extent[0]) >= _LARGEST:
        unpacking.problem(ProblemKind.UNSUPPORTED, f"{name[:100]} is compressed by method {fields[0]}, and too large")
        return
    for child in _LIBRARY.children(_alone(view, fields, extent, unpacking), unpacking):
        if child.name != "rest":
            yield child._replace(name=name)


def _alone(view: View, fields: tuple[int, int, int], extent: tuple[int, int], unpacking: Unpacking) -> View:
    """Return an archive with this member alone."""
    method, checksum, size = fields
    start, end = extent
    common = (_VERSION, 0, method, 0, 0, checksum, end - start, size, 1)
    local = _LOCAL.pack(LOCAL, *common, 0) + b"x"
    central = _CENTRAL.pack(CENTRAL, _VERSION, *common, 0, 0, 0, 0, 0, 0) + b"x"
    spool = unpacking.spool
    spool.begin()
    spool.write(local)
    for position in range(start, end, _PIECE):
        spool.write(view.read(position, min(_PIECE, end - position)))
        unpacking.budget.tick()
    spool.write(central)
    spool.write(_END.pack(END, 0, 0, 1, 1, len(central), len(local) + end - start, 0))
    return spool.finish()
