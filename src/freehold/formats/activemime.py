"""ActiveMime: the deflated macros of Office documents that were saved as web pages.

Where the deflated content begins is written in the header, not always truthfully, so every place that looks like a
beginning is tried.

Source: not documented; this is what Office writes.
"""

import re
from collections.abc import Iterator

from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Stream
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_HEAD = 4096
_DEFLATED = rb"\x78[\x01\x5e\x9c\xda]"


class _ActiveMime:
    name = "activemime"
    types = frozenset({"activemime"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        position = 0
        found = False
        for start in re.finditer(_DEFLATED, view.read(0, _HEAD)):
            begin = start.end()
            if begin > position and _opens(view, begin):
                stream = Stream(view, begin, DEFLATE, unpacking)
                yield Child("content", stream.chunks(), stream.consumed)
                position = stream.position
                found = True
        if not found:
            unpacking.problem(ProblemKind.MALFORMED, "no deflated content begins in the header")


def _opens(view: View, position: int) -> bool:
    """Tell whether something can be inflated from there."""
    try:
        return bool(DEFLATE.open(0).decompress(view.read(position, _HEAD), _HEAD))
    except DEFLATE.errors:
        return False


FORMAT: Format = _ActiveMime()
