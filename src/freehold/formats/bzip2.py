"""bzip2: any number of streams, whose contents follow one another."""

import bz2
import re
from collections.abc import Iterator

from freehold.formats.streams import Codec, Stream, content
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

BZIP2 = Codec("bzip2", lambda _memory: bz2.BZ2Decompressor(), (OSError, ValueError))
"""A block is at most 900 kB, so a decoder never needs more than 4 MB."""

_MAGIC = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")


class _Bzip2:
    name = "bzip2"
    types = frozenset({"bzip2"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when no stream begins at the start."""

        def begin(position: int) -> Stream | None:
            if not _MAGIC.match(view.read(position, 10)):
                return None
            return Stream(view, position, BZIP2, unpacking)

        first = begin(0)
        if first is None:
            raise MalformedInput("the bzip2 header is damaged or cut off")
        yield from content(view, "content", first, begin)


FORMAT: Format = _Bzip2()
