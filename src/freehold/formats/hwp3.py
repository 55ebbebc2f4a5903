"""Hangul documents of version 3: the deflated text, and the objects that are kept behind it.

Where the text ends is known only to whoever reads every paragraph, so objects are found by their own beginnings; the
length that stands before one is believed as far as the content goes.

Source: Hancom's HWP 3.0 format.
"""

from collections.abc import Iterator

from freehold.formats.cfb import MAGIC as COMPOUND
from freehold.formats.extents import rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Stream
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_MAGIC = b"HWP Document File V"
_INFO, _INFO_BYTES, _SUMMARY_BYTES = 30, 128, 1008
_PASSWORD, _PACKED, _BLOCK_BYTES = 96, 124, 126
_CONTENT_BYTES = 64 << 20
_MOST = 1000


class _Hwp3:
    name = "hwp3"
    types = frozenset({"hwp3"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is cut off."""
        info = view.read(_INFO, _INFO_BYTES)
        if len(info) < _INFO_BYTES or not view.read(0, _INFO).startswith(_MAGIC):
            raise MalformedInput("the header of the document is damaged or cut off")
        summary = _INFO + _INFO_BYTES
        yield Child("summary", view.slice(summary, _SUMMARY_BYTES))
        start = summary + _SUMMARY_BYTES + int.from_bytes(info[_BLOCK_BYTES : _BLOCK_BYTES + 2], "little")
        yield from rest(view, summary + _SUMMARY_BYTES, min(start, view.size))
        if info[_PASSWORD] or info[_PASSWORD + 1]:
            unpacking.problem(ProblemKind.ENCRYPTED, "the document is encrypted")
        elif info[_PACKED]:
            yield from _packed(view, start, unpacking)
        elif start < view.size:
            yield Child("content", view.slice(start, view.size - start))
            yield from _objects(view.slice(start, view.size - start), unpacking)


def _packed(view: View, start: int, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the inflated content; its beginning is kept to look for objects."""
    stream = Stream(view, start, DEFLATE, unpacking)
    kept = bytearray()

    def chunks() -> Iterator[bytes]:
        for chunk in stream.chunks():
            if len(kept) < _CONTENT_BYTES:
                kept.extend(chunk)
            yield chunk

    yield Child("content", chunks(), stream.consumed)
    yield from _objects(BytesView(memoryview(kept)), unpacking)
    if stream.finished:
        yield from rest(view, stream.position, view.size)


def _objects(content: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the compound files in the content."""
    data = content.read(0, _CONTENT_BYTES)
    at = data.find(COMPOUND)
    for number in range(1, _MOST + 1):
        if at < 0:
            return
        stated = int.from_bytes(data[at - 4 : at], "little") if at >= 4 else 0
        length = stated if len(COMPOUND) < stated <= len(data) - at else len(data) - at
        yield Child(f"object-{number}", content.slice(at, length))
        at = data.find(COMPOUND, at + max(length if length == stated else 0, len(COMPOUND)))
    unpacking.problem(ProblemKind.LIMIT, f"the document carries more than {_MOST} objects")


FORMAT: Format = _Hwp3()
