"""Archives and installers that are recognised but cannot be opened: they are incomplete, never clean.

What is stored in them uncompressed is found all the same, as programs and archives inside other content are.
"""

from collections.abc import Iterator

from freehold.formats.carve import carve
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_NAMES = {
    b"Zo": "an archive of Zoo",
    b"RE": "an archive of RAR 1.4 or older",
    b"SI": "an archive of StuffIt",
    b"St": "an archive of StuffIt",
    b"UH": "an archive of UHARC",
}


class _Unopened:
    name = "unopened"
    types = frozenset({"ace", "hfs-classic", "rar14", "stuffit", "uharc", "zoo"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        what = "an ACE archive" if view.read(7, 7) == b"**ACE**" else None
        if what is None and view.read(1024, 2) == b"BD":
            what = "a disk of HFS, as Mac OS had it before HFS+,"
        what = what or _NAMES.get(view.read(0, 2), "an archive of Zoo")
        unpacking.problem(ProblemKind.UNSUPPORTED, f"{what} cannot be opened")
        yield from carve(view, 1, view.size, unpacking)


FORMAT: Format = _Unopened()
