"""Files that Microsoft's COMPRESS.EXE made: SZDD (LZSS), the variant of QBasic's setup, and KWAJ.

KWAJ's methods 0 (none), 1 (inverted) and 2 (LZSS) are read; 3 (LZH) and 4 (MSZIP) are rare.

Source: the file format notes of libmspack.
"""

import zlib
from collections.abc import Iterator

from freehold.formats.extents import rest
from freehold.formats.pulled import EndOfInput, PulledStream, Source
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_SZDD = b"SZDD\x88\xf0\x27\x33"
_QBASIC = b"SZ \x88\xf0\x27\x33\xd1"
_KWAJ = b"KWAJ\x88\xf0\x27\xd1"
_RING = 4096
_CHUNK = 1 << 16
_INVERTED = bytes(255 - value for value in range(256))
_STORED, _INVERT, _LZSS, _MSZIP = 0, 1, 2, 4
_HAS_LENGTH, _HAS_UNKNOWN, _HAS_SKIPPED, _HAS_NAME, _HAS_ENDING, _HAS_TEXT = 1, 2, 4, 8, 16, 32


def expand(source: Source, first: int, length: int | None) -> Iterator[bytes]:
    """Decode LZSS with a ring of 4096 spaces that is filled from ``first`` on, to the end or ``length`` bytes."""
    out = bytearray(b" " * _RING)
    shift = first
    done = 0
    while length is None or done + len(out) - _RING < length:
        try:
            flags = source.byte()
            for bit in range(8):
                if flags >> bit & 1:
                    out.append(source.byte())
                    continue
                low, high = source.take(2)
                _copy(out, (low | (high & 0xF0) << 4) - shift - done, (high & 15) + 3)
        except EndOfInput:
            break
        if len(out) >= _RING + _CHUNK:
            yield bytes(out[_RING:])
            done += len(out) - _RING
            del out[:-_RING]
    tail = bytes(out[_RING:])
    yield tail if length is None else tail[: max(length - done, 0)]
    if length is not None and done + len(tail) < length:
        raise EndOfInput


def _copy(out: bytearray, place: int, length: int) -> None:
    """Append what lies ``place`` bytes, modulo the ring, behind the beginning of the output."""
    distance = (len(out) - _RING - place) % _RING or _RING
    while length > 0:
        piece = out[-distance : len(out) - distance + length] if distance > length else out[-distance:][:length]
        out += piece
        length -= len(piece)


def _szdd(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the content; what comes behind the stated length is unknown, so the whole input belongs to the stream."""
    quick = view.read(0, 8) == _QBASIC
    header, first = (12, _RING - 18) if quick else (14, _RING - 16)
    data = view.read(0, header)
    if len(data) < header:
        raise MalformedInput("the header is cut off")
    length = int.from_bytes(data[-4:], "little")
    stream = PulledStream(view, header, lambda source: expand(source, first, length), unpacking, label="the content")
    yield Child("content", stream.chunks(), stream.consumed)
    if stream.finished:
        yield from rest(view, stream.position, view.size)


def _kwaj(view: View, unpacking: Unpacking) -> Iterator[Child]:
    head = view.read(0, 14)
    if len(head) < 14:
        raise MalformedInput("the header is cut off")
    method, start, flags = (int.from_bytes(head[at : at + 2], "little") for at in (8, 10, 12))
    name = _kwaj_name(view, flags)
    content = view.slice(start, view.size)
    if not content.size:
        unpacking.problem(ProblemKind.TRUNCATED, "the content is cut off")
    elif method == _STORED:
        yield Child(name, content)
    elif method == _INVERT:
        yield Child(name, (bytes(piece).translate(_INVERTED) for _, piece in content.windows(0)))
    elif method == _LZSS:
        length = int.from_bytes(view.read(14, 4), "little") if flags & _HAS_LENGTH else None
        stream = PulledStream(view, start, lambda s: expand(s, _RING - 18, length), unpacking, label="the content")
        yield Child(name, stream.chunks(), stream.consumed)
    elif method == _MSZIP:
        stream = PulledStream(view, start, _mszip, unpacking, label="the content")
        yield Child(name, stream.chunks(), stream.consumed)
    else:
        unpacking.problem(ProblemKind.UNSUPPORTED, f"the content is compressed by method {method}")


def _kwaj_name(view: View, flags: int) -> str:
    position = 14 + 4 * bool(flags & _HAS_LENGTH) + 2 * bool(flags & _HAS_UNKNOWN)
    if flags & _HAS_SKIPPED:
        position += 2 + int.from_bytes(view.read(position, 2), "little")
    parts = []
    for flag, longest in ((_HAS_NAME, 9), (_HAS_ENDING, 4)):
        if flags & flag:
            part = view.read(position, longest).split(b"\0")[0]
            position += len(part) + 1
            parts.append(part.decode("latin-1"))
    return ".".join(parts) or "content"


def _mszip(source: Source) -> Iterator[bytes]:
    """Decode blocks of deflate: size, "CK", and a stream that may refer to the block before."""
    before = b""
    while size := int.from_bytes(source.up_to(2), "little"):
        block = source.take(size)
        if block[:2] != b"CK":
            raise MalformedInput("a block without its mark")
        decoder = zlib.decompressobj(-zlib.MAX_WBITS, zdict=before)
        try:
            before = decoder.decompress(block[2:], 1 << 15)
        except zlib.error as error:
            raise MalformedInput(str(error)) from error
        yield before


class _Szdd:
    name = "szdd"
    types = frozenset({"szdd", "kwaj"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is cut off."""
        yield from (_kwaj if view.read(0, 8) == _KWAJ else _szdd)(view, unpacking)


FORMAT: Format = _Szdd()
