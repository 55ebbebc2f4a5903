"""gzip (RFC 1952): any number of members, whose contents follow one another."""

from collections.abc import Iterator

from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import CheckedStream, Stream, content
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_MAGIC = b"\x1f\x8b\x08"
_HEADER = 10
_HEADER_CHECK, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16
_TRAILER = 8
"""The CRC-32 of the content, and its length."""

_NAME_BYTES = 4096
_PIECE = 1 << 16


def _end_of_text(view: View, start: int, unpacking: Unpacking) -> int | None:
    """Return the position behind the zero byte that ends the text at ``start``, None when there is none."""
    while True:
        piece = view.read(start, _PIECE)
        if not piece:
            return None
        found = piece.find(0)
        if found >= 0:
            return start + found + 1
        start += len(piece)
        unpacking.budget.tick()


def _parse_header(view: View, start: int, unpacking: Unpacking) -> tuple[int, str] | None:
    """Return where the deflated content of the member at ``start`` begins, and its name; None if it has no header."""
    header = view.read(start, _HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return None
    flags = header[3]
    position: int | None = start + _HEADER
    if flags & _EXTRA:
        position = start + _HEADER + 2 + int.from_bytes(view.read(start + _HEADER, 2), "little")
    name = b""
    if flags & _NAME and position is not None:
        name = view.read(position, _NAME_BYTES).split(b"\0")[0]
        position = _end_of_text(view, position, unpacking)
    if flags & _COMMENT and position is not None:
        position = _end_of_text(view, position, unpacking)
    if position is None:
        return None
    if flags & _HEADER_CHECK:
        position += 2
    return position, name.decode("utf-8", "surrogateescape")


class _Gzip:
    name = "gzip"
    types = frozenset({"gzip"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when there is no first header."""

        def begin(position: int) -> Stream | None:
            header = _parse_header(view, position, unpacking)
            if header is None:
                return None
            label = f"the member whose content begins at byte {header[0]}"
            return CheckedStream(view, header[0], DEFLATE, unpacking, trailer=_TRAILER, label=label)

        first = _parse_header(view, 0, unpacking)
        member = begin(0)
        if first is None or member is None:
            raise MalformedInput("the gzip header is damaged or cut off")
        yield from content(view, first[1] or "content", member, begin)


FORMAT: Format = _Gzip()
