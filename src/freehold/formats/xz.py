"""xz (any number of streams, with zero padding between them) and its predecessor without a magic number, ``.lzma``."""

import lzma
from collections.abc import Iterator

from freehold.formats.extents import skip_zeros
from freehold.formats.streams import Codec, Decoder, Stream, content
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

XZ = Codec("xz", lambda memory: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory), (lzma.LZMAError,))
"""A stream with header, index and checksums."""

LZMA_ALONE = Codec("lzma", lambda memory: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory), (lzma.LZMAError,))
"""A stream with nothing but a 13-byte header."""


def lzma_without_size(properties: bytes) -> Codec:
    """Return the codec for what follows five bytes of properties: ``.lzma`` without a size, maybe without an end."""

    def open_decoder(memory: int) -> Decoder:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)
        decoder.decompress(properties + b"\xff" * 8)
        return decoder

    return Codec("lzma", open_decoder, (lzma.LZMAError,), ends=False)


_MAGIC = b"\xfd7zXZ\x00"


class _Xz:
    name = "xz"
    types = frozenset({"xz", "lzma"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; a view without xz's magic number is read as ``.lzma``.

        Raises:
            MalformedInput: it is too short for either.
        """

        def begin(position: int) -> Stream | None:
            position = skip_zeros(view, position, unpacking)
            return Stream(view, position, XZ, unpacking) if view.read(position, 6) == _MAGIC else None

        def begin_no_other(_position: int) -> None:
            return None

        if view.size < 13:
            raise MalformedInput("the header is cut off")
        if view.read(0, 6) == _MAGIC:
            yield from content(view, "content", Stream(view, 0, XZ, unpacking), begin)
        else:
            yield from content(view, "content", Stream(view, 0, LZMA_ALONE, unpacking), begin_no_other)


FORMAT: Format = _Xz()
