"""lzip: any number of members, each an LZMA stream with an end mark between a header and a trailer.

Source: Diaz, "The lzip format" (draft-diaz-lzip).
"""

import lzma
import zlib
from collections.abc import Iterator

from freehold.formats.streams import Codec, Decoder, Stream, content
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MAGIC = b"LZIP\x01"
_HEADER = 6
_TRAILER = 20


def _codec(coded: int) -> Codec:
    """Return the codec for a coded dictionary size: ``.lzma`` with another header, and always an end mark."""
    size = (1 << (coded & 31)) - (1 << (coded & 31) >> 4) * (coded >> 5)

    def open_decoder(memory: int) -> Decoder:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)
        decoder.decompress(b"\x5d" + size.to_bytes(4, "little") + b"\xff" * 8)
        return decoder

    return Codec("lzip", open_decoder, (lzma.LZMAError,))


class _Member(Stream):
    """One member: LZMA content, then its CRC-32, its length and the member's length."""

    __slots__ = ()

    def chunks(self) -> Iterator[bytes]:
        """See ``Stream.chunks``; records a problem when the checksum differs."""
        checksum = 0
        for chunk in super().chunks():
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        if not self.finished:
            return
        trailer = self._feed(_TRAILER)
        if len(trailer) < _TRAILER:
            self.finished = False
            self._cut_off()
        elif int.from_bytes(trailer[:4], "little") != checksum:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{self._label} has a wrong checksum")


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
            return _Member(view, position + _HEADER, _codec(header[5]), unpacking, label=label)

        first = begin(0)
        if first is None:
            raise MalformedInput("the header is damaged, cut off, or of another version")
        yield from content(view, "content", first, begin)


FORMAT: Format = _Lzip()
