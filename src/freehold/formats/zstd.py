"""Zstandard (RFC 8878): frames, whose contents follow one another, and skippable frames between them."""

import sys
from collections.abc import Iterator

from freehold.formats.extents import rest
from freehold.formats.streams import Codec, Stream, content
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"


def _open(memory: int) -> zstd.ZstdDecompressor:
    lowest, highest = zstd.DecompressionParameter.window_log_max.bounds()
    window = min(max(memory.bit_length() - 1, lowest), highest)
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window})


ZSTD = Codec("zstd", _open, (zstd.ZstdError,))
"""A frame; its window is limited to the largest power of two within the decoder's memory."""


class _Zstd:
    name = "zstd"
    types = frozenset({"zstd"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; what skippable frames carry is yielded as ``rest``.

        Raises:
            MalformedInput: no frame begins at the start.
        """
        skipped: list[tuple[int, int]] = []

        def begin(position: int) -> Stream | None:
            while True:
                header = view.read(position, 8)
                if len(header) < 8 or header[0] & 0xF0 != 0x50 or header[1:4] != _SKIPPABLE:
                    break
                end = min(position + 8 + int.from_bytes(header[4:], "little"), view.size)
                if end > position + 8 and len(skipped) < unpacking.budget.limits.artifacts:
                    skipped.append((position + 8, end))
                position = end
                unpacking.budget.tick()
            return Stream(view, position, ZSTD, unpacking) if header.startswith(_MAGIC) else None

        first = begin(0)
        if first is not None:
            yield from content(view, "content", first, begin)
        elif not skipped:
            raise MalformedInput("the zstd header is damaged or cut off")
        for start, end in skipped:
            yield from rest(view, start, end)


FORMAT: Format = _Zstd()
