"""LZ4 frames, one behind the other, and the legacy frames of Linux kernels.

Checksums of content are not verified. Source: LZ4 Frame Format Description 1.6.4; LZ4 Block Format Description.
"""

from collections.abc import Iterator

from freehold.formats.extents import rest
from freehold.formats.pulled import PulledStream, Source
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_FRAME, _LEGACY = 0x184D2204, 0x184C2102
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_WINDOW = 1 << 16
_STORED = 1 << 31
_LEGACY_BLOCK = 8 << 20
_INDEPENDENT, _BLOCK_CHECK, _HAS_SIZE, _CONTENT_CHECK, _HAS_DICTIONARY = 32, 16, 8, 4, 1


def decode_block(data: bytes, out: bytearray, most: int) -> None:
    """Append what a block holds to ``out``, whose present content it may refer to; at most ``most`` bytes.

    Raises:
        MalformedInput: it refers to something before the beginning, is cut off, or holds more.
    """
    at = 0
    end = len(data)
    most += len(out)
    try:
        while at < end:
            token = data[at]
            length = token >> 4
            at += 1
            if length == 15:
                at, length = _longer(data, at, length)
            out += data[at : at + length]
            at += length
            if at >= end or len(out) > most:
                break
            distance = data[at] | data[at + 1] << 8
            at += 2
            length = token & 15
            if length == 15:
                at, length = _longer(data, at, length)
            length += 4
            start = len(out) - distance
            if not distance or start < 0 or len(out) + length > most:
                raise MalformedInput("a block refers to something before its beginning, or holds too much")
            if distance >= length:
                out += out[start : start + length]
            else:
                out += (out[start:] * (length // distance + 1))[:length]
    except IndexError:
        raise MalformedInput("a block is cut off") from None
    if at > end or len(out) > most:
        raise MalformedInput("a block is cut off, or holds too much")


def _longer(data: bytes, at: int, length: int) -> tuple[int, int]:
    while data[at] == 255:
        length += 255
        at += 1
    return at + 1, length + data[at]


def _decode(source: Source) -> Iterator[bytes]:
    magic = int.from_bytes(source.take(4), "little")
    if magic == _LEGACY:
        yield from _legacy(source)
    elif magic in _SKIPPABLE:
        left = int.from_bytes(source.take(4), "little")
        while left:
            left -= len(source.take(min(left, 1 << 20)))
            yield b""
    else:
        yield from _frame(source)


def _frame(source: Source) -> Iterator[bytes]:
    flags, sizes = source.take(2)
    if flags >> 6 != 1:
        raise MalformedInput("a frame of an unknown version")
    source.take(8 * bool(flags & _HAS_SIZE) + 4 * bool(flags & _HAS_DICTIONARY) + 1)
    most = 1 << (8 + 2 * (sizes >> 4 & 7))
    window = bytearray()
    while size := int.from_bytes(source.take(4), "little"):
        if size & ~_STORED > most:
            raise MalformedInput("a block is larger than its frame allows")
        data = source.take(size & ~_STORED)
        kept = len(window)
        if size & _STORED:
            window += data
        else:
            yield from _salvaged(data, window, most)
        yield bytes(window[kept:])
        del window[: len(window) if flags & _INDEPENDENT else max(len(window) - _WINDOW, 0)]
        if flags & _BLOCK_CHECK:
            source.take(4)
    if flags & _CONTENT_CHECK:
        source.take(4)


def _salvaged(data: bytes, out: bytearray, most: int) -> Iterator[bytes]:
    """Decode a block into ``out``; yield only what came out of it before damage was found."""
    kept = len(out)
    try:
        decode_block(data, out, most)
    except MalformedInput:
        yield bytes(out[kept:])
        raise


def _legacy(source: Source) -> Iterator[bytes]:
    """Decode blocks until the end, or something that cannot be the size of one."""
    while True:
        head = source.up_to(4)
        size = int.from_bytes(head, "little")
        if len(head) < 4 or size > _LEGACY_BLOCK + _LEGACY_BLOCK // 255 + 16:
            source.seek(source.position - len(head))
            return
        out = bytearray()
        yield from _salvaged(source.take(size), out, _LEGACY_BLOCK)
        yield bytes(out)


class _Lz4:
    name = "lz4"
    types = frozenset({"lz4"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if view.read(0, 5)[4:] and view.read(4, 1)[0] & _HAS_DICTIONARY and view.read(0, 4) == b"\x04\x22\x4d\x18":
            unpacking.problem(ProblemKind.UNSUPPORTED, "the content needs a dictionary from elsewhere")
        stream = PulledStream(view, 0, lambda source: self._frames(view, source), unpacking, label="the content")
        yield Child("content", stream.chunks(), stream.consumed)
        if stream.finished:
            yield from rest(view, stream.position, view.size)

    @staticmethod
    def _frames(view: View, source: Source) -> Iterator[bytes]:
        while True:
            yield from _decode(source)
            magic = int.from_bytes(view.read(source.position, 4), "little")
            if magic not in (_FRAME, _LEGACY) and magic not in _SKIPPABLE:
                return


FORMAT: Format = _Lz4()
