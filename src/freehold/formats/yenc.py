"""yEnc, as news articles carry files: bytes are shifted by 42, the few that must not occur are escaped.

Source: the yEnc draft 1.3.
"""

import re
from collections.abc import Iterator

from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MARK = b"=ybegin "
_BYTES = 64 << 20
_PIECE = 1 << 18
_BEGIN = re.compile(rb"=ybegin [^\r\n]{0,512}?name=([^\r\n]{0,4096})\r?\n(?:=ypart [^\r\n]{0,512}\r?\n)?")
_END = re.compile(rb"\r?\n=yend\b")
_HALF_MARK = re.compile(rb"[\r\n]*=(?:y(?:en?)?)?\Z")
_ESCAPED = re.compile(rb"=([\s\S])")
_SHIFTED = bytes(byte - 42 & 0xFF for byte in range(256))
_UNESCAPED = [bytes((byte - 64 & 0xFF,)) for byte in range(256)]


def encoded_files(data: bytes, unpacking: Unpacking) -> Iterator[Child]:
    """Yield every file, or part of one, of an article."""
    for found in _BEGIN.finditer(data):
        end = _END.search(data, found.end())
        if end is None:
            unpacking.problem(ProblemKind.TRUNCATED, f"the yEnc data at byte {found.start()} have no end")
        stop = end or _HALF_MARK.search(data, max(found.end(), len(data) - 8))
        content = _decode(data, found.end(), stop.start() if stop else len(data))
        yield Child(found[1].strip().decode("utf-8", "surrogateescape"), content)


def _decode(data: bytes, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        stop = min(start + _PIECE, end)
        if data[stop - 1 : stop] == b"=" and stop < end:
            stop += 1
        text = data[start:stop].replace(b"\n..", b"\n.").translate(None, b"\r\n")
        plain = _ESCAPED.sub(lambda found: _UNESCAPED[found[1][0]], text).translate(_SHIFTED)
        if plain:
            yield plain
        start = stop


class _Yenc:
    name = "yenc"
    types = frozenset({"yenc"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield from encoded_files(view.read(0, _BYTES), unpacking)


FORMAT: Format = _Yenc()
