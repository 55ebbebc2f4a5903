"""uuencoded files on their own: text in which a line says ``begin``, a mode and a name."""

import re
from collections.abc import Iterator

from freehold.formats.transfer import decode_base64, decode_uu
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_BYTES = 64 << 20
_BEGIN = re.compile(rb"(?:^|(?<=[\r\n]))begin(-base64)? [0-7]{3,4} ([^\r\n]{1,4096})[\r\n]")


def encoded_files(data: bytes) -> Iterator[Child]:
    """Yield every uuencoded file of a text."""
    position = 0
    while found := _BEGIN.search(data, position):
        position = found.end()
        following = _BEGIN.search(data, position)
        end = following.start() if following else len(data)
        decode = decode_base64 if found[1] else decode_uu
        yield Child(found[2].decode("utf-8", "surrogateescape"), decode(data, position, end))


class _Uu:
    name = "uu"
    types = frozenset({"uuencode"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        for child in encoded_files(view.read(0, _BYTES)):
            unpacking.budget.tick()
            yield child


FORMAT: Format = _Uu()
