"""cpio archives: the binary (either byte order), portable ASCII (odc) and new ASCII (newc, crc) variants.

Source: cpio(5). An initramfs is several archives one behind the other, the last one often compressed: zero padding
between them is skipped, and what is not cpio comes out as ``rest``.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.extents import rest, skip_zeros
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Member, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_LONGEST_HEADER = 110
_NAME_BYTES = 4096
_TRAILER = b"TRAILER!!!"
_TYPE_MASK = 0o170000
_REGULAR = 0o100000


class _Member(NamedTuple):
    """Where a member's parts lie, relative to its header, and what it is."""

    mode: int
    name_start: int
    name_size: int
    content_start: int
    size: int
    alignment: int
    links: int


def _padded(length: int, alignment: int) -> int:
    return -(-length // alignment) * alignment


def _new_ascii(header: bytes) -> _Member:
    fields = [int(header[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)]
    name_size = fields[11]
    return _Member(fields[1], 110, name_size, _padded(110 + name_size, 4), fields[6], 4, fields[4])


def _old_ascii(header: bytes) -> _Member:
    name_size, size = int(header[59:65], 8), int(header[65:76], 8)
    return _Member(int(header[18:24], 8), 76, name_size, 76 + name_size, size, 1, int(header[36:42], 8))


def _binary(header: bytes, order: str) -> _Member:
    fields = struct.unpack_from(f"{order}13H", header)
    name_size, size = fields[10], fields[11] << 16 | fields[12]
    return _Member(fields[3], 26, name_size, _padded(26 + name_size, 2), size, 2, fields[6])


def _parse(header: bytes) -> _Member | None:
    """Return the member that a header describes, None when it is no header."""
    try:
        if header.startswith((b"070701", b"070702")):
            return _new_ascii(header)
        if header.startswith(b"070707"):
            return _old_ascii(header)
        if header.startswith(b"\xc7\x71"):
            return _binary(header, "<")
        if header.startswith(b"\x71\xc7"):
            return _binary(header, ">")
    except (ValueError, struct.error):
        return None
    return None


class _Cpio:
    name = "cpio"
    types = frozenset({"cpio"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the first header is damaged."""
        if _parse(view.read(0, _LONGEST_HEADER)) is None:
            raise MalformedInput("the first cpio header is damaged or cut off")
        position = number = 0
        ended = False
        while position < view.size:
            unpacking.budget.tick()
            member = _parse(view.read(position, _LONGEST_HEADER))
            if member is None:
                break
            number += 1
            start = position + member.content_start
            name = view.read(position + member.name_start, min(member.name_size, _NAME_BYTES)).rstrip(b"\0")
            size = min(member.size, max(view.size - start, 0))
            if size < member.size or start > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"the member at byte {position} is cut off")
            if member.size and unpacking.wants_members:
                label = name.decode("utf-8", "surrogateescape")
                unpacking.member(Member(label, member.size, member.size, position=number))
            if size and (member.mode & _TYPE_MASK == _REGULAR or not member.mode & _TYPE_MASK):
                yield Child(name.decode("utf-8", "surrogateescape"), view.slice(start, size))
            position = start + _padded(member.size, member.alignment)
            ended = name == _TRAILER
            if ended:
                position = skip_zeros(view, position, unpacking)
        if not ended and position + _LONGEST_HEADER <= view.size:
            unpacking.problem(ProblemKind.MALFORMED, f"no member header at byte {position}")
        elif not ended:
            unpacking.problem(ProblemKind.TRUNCATED, "the archive has no trailer")
        yield from rest(view, position, view.size)


FORMAT: Format = _Cpio()
