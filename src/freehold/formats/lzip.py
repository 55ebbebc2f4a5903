"""lzip: any number of members, each an LZMA stream with an end mark between a header and a trailer.

Source: Diaz, "The lzip format" (draft-diaz-lzip).
"""

import lzma
from collections.abc import Iterator

from freehold.formats.streams import CheckedStream, Codec, Decoder, Stream, content
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_MAGIC = b"LZIP\x01"
_HEADER = 6
_TRAILER = 20
"""The CRC-32 of the content, its length and the member's length."""


def _codec(coded: int) -> Codec:
    """Return the codec for a coded dictionary size: ``.lzma`` with another header, and always an end mark."""
    size = (1 << (coded & 31)) - (1 << (coded & 31) >> 4) * (coded >> 5)

    def open_decoder(memory: int) -> Decoder:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)
        decoder.decompress(b"\x5d" + size.to_bytes(4, "little") + b"\xff" * 8)
        return decoder

    return Codec("lzip", open_decoder, (lzma.LZMAError,))


class _Lzip:
    name = "lzip"
    types = frozenset({"lzip"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when there is no header of version 1."""

        def begin(position: int) -> Stream | None:
            header = view.read(position, _HEADER)
            if len(header) < _HEADER or not header.startswith(_MAGIC) or not 12 <= header[5] & 31 <= 29:
                return None
            label = f"the member at byte {position}"
            codec = _codec(header[5])
            return CheckedStream(view, position + _HEADER, codec, unpacking, trailer=_TRAILER, label=label)

        first = begin(0)
        if first is None:
            raise MalformedInput("the header is damaged, cut off, or of another version")
        yield from content(view, "content", first, begin)


FORMAT: Format = _Lzip()
