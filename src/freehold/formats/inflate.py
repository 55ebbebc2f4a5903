"""The deflate codec, as zip and gzip use it, and other formats with headers of their own."""

import zlib

from freehold.formats.streams import Codec


class Inflater:
    """Gives ``zlib``'s decoder the manners of the others (see ``Decoder``)."""

    __slots__ = ("_full", "_zlib")

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without further input."""
        return not self._full and not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond the end of the stream."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Decode at most ``max_length`` bytes; raises ``zlib.error``."""
        out = self._zlib.decompress(data or self._zlib.unconsumed_tail, max_length)
        self._full = len(out) == max_length
        return out


DEFLATE = Codec("deflate", lambda _memory: Inflater(), (zlib.error,))
"""Raw deflate (RFC 1951); its window is always 32 KiB."""
