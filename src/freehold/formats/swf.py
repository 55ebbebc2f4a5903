"""Flash: the movie inside a compressed one, and the binary data that a movie carries.

Source: SWF File Format Specification, version 19.
"""

import lzma
from collections.abc import Iterator

from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Codec, Decoder, Stream
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_HEADER = 8
_ZLIB_HEADER = 2
_LZMA_HEADER = 17
_BINARY_DATA = 87
_BINARY_HEADER = 6
_LONG = 0x3F
_TAGS_PER_TICK = 4096


def _lzma(properties: bytes) -> Codec:
    def open_decoder(memory: int) -> Decoder:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=memory)
        decoder.decompress(properties + b"\xff" * 8)
        return decoder

    return Codec("lzma", open_decoder, (lzma.LZMAError,), ends=False)


def _movie(head: bytes, stream: Stream) -> Iterator[bytes]:
    yield b"FWS" + head[3:]
    yield from stream.chunks()


def _binary_data(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the content of the tags that hold nothing but content."""
    bits = view.read(_HEADER, 1)
    position = _HEADER + (5 + 4 * (bits[0] >> 3) + 7) // 8 + 4 if bits else view.size
    tags = 0
    while position + 2 <= view.size:
        tags += 1
        if not tags % _TAGS_PER_TICK:
            unpacking.budget.tick()
        head = view.read(position, 6)
        code, length = int.from_bytes(head[:2], "little") >> 6, head[0] & _LONG
        position += 2
        if length == _LONG:
            length = int.from_bytes(head[2:], "little")
            position += 4
        if code == _BINARY_DATA and length > _BINARY_HEADER and position + _BINARY_HEADER < view.size:
            yield Child(f"data-{tags}", view.slice(position + _BINARY_HEADER, length - _BINARY_HEADER))
        position += length


class _Swf:
    name = "swf"
    types = frozenset({"swf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is cut off."""
        head = view.read(0, _LZMA_HEADER)
        if len(head) < _HEADER + _ZLIB_HEADER:
            raise MalformedInput("the header is cut off")
        if head[:1] == b"F":
            yield from _binary_data(view, unpacking)
            return
        if head[:1] == b"C":
            stream = Stream(view, _HEADER + _ZLIB_HEADER, DEFLATE, unpacking, label="the movie")
        else:
            stream = Stream(view, _LZMA_HEADER, _lzma(head[12:]), unpacking, label="the movie")
        yield Child("movie", _movie(head[:_HEADER], stream), stream.consumed)


FORMAT: Format = _Swf()
