"""LHA archives: 7-Zip's library opens them, but for members of the first LHarc (``-lh1-``), which are decoded here.

Source: the header's description in LHa for UNIX ("header.doc").
"""

from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import lzhuf
from freehold.formats.pulled import PulledStream
from freehold.formats.seven import SevenZipFormat
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_NUMBER = 0x06
_FIXED = 22
_OURS = b"-lh1-"
_NAME_FIELD = b"\x01"


class _Member(NamedTuple):
    name: str
    start: int
    packed: int
    size: int


def _members(view: View, unpacking: Unpacking) -> Iterator[_Member]:
    """Yield the members that are packed by ``-lh1-``."""
    position = 0
    while len(head := view.read(position, _FIXED + 255)) > _FIXED and head[0] and head[2:4] == b"-l":
        unpacking.budget.tick()
        packed, size = (int.from_bytes(head[at : at + 4], "little") for at in (7, 11))
        name = head[_FIXED : _FIXED + head[21]]
        start = position + head[0] + 2
        if head[20] == 1:
            end = start + packed
            start, _ = _fields(view, start - 2, unpacking)
            packed = max(end - start, 0)
        elif head[20] == 2:
            start = position + int.from_bytes(head[:2], "little")
            _, name = _fields(view, position + 24, unpacking)
        if head[2:7] == _OURS:
            yield _Member(name.decode("utf-8", "surrogateescape"), start, packed, size)
        position = start + packed


def _fields(view: View, position: int, unpacking: Unpacking) -> tuple[int, bytes]:
    """Return where the chain of fields ends whose first length stands at ``position``, and the name that is in it."""
    name = b""
    while (length := int.from_bytes(view.read(position, 2), "little")) > 2:
        unpacking.budget.tick()
        if view.read(position + 2, 1) == _NAME_FIELD:
            name = view.read(position + 3, min(length - 3, 1024))
        position += length
    return position + 2, name


class _Lha(SevenZipFormat):
    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format``."""
        yield from super().children(view, unpacking)
        for member in _members(view, unpacking):
            if member.size:
                yield _content(view, member, unpacking)


def _content(view: View, member: _Member, unpacking: Unpacking) -> Child:
    stream = PulledStream(
        view,
        member.start,
        lambda source: lzhuf.decode(source, member.size),
        unpacking,
        end=member.start + member.packed,
        label=member.name[:100],
    )
    return Child(member.name, stream.chunks(), stream.consumed)


FORMAT: Format = _Lha("lha", _NUMBER, elsewhere=_OURS.decode())
