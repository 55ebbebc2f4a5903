"""Members of RAR archives up to version 4 that need no library: stored ones, and those packed by RAR 1.5 or 2.0.

Source: the technical note that comes with RAR.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import rar15, rar20
from freehold.formats.pulled import PulledStream
from freehold.model.interfaces import Child, Member, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MAGIC = b"Rar!\x1a\x07\x00"
_FILE_BLOCK, _END_BLOCK = 0x74, 0x7B
_FIXED = struct.Struct("<HBHHIIBIIBBHI")
_BEFORE, _AFTER, _ENCRYPTED, _SOLID, _LARGE, _ADDED = 1, 2, 4, 0x10, 0x100, 0x8000
_STORED = 0x30
_VERSION_20, _VERSION_29 = 20, 29


class OldFile(NamedTuple):
    """What the header of a file says, as far as it matters."""

    number: int
    name: str
    flags: int
    version: int
    method: int
    size: int
    checksum: int
    start: int
    packed: int


def files(view: View) -> Iterator[OldFile]:
    """Yield the files that need no library, with their numbers among all files, counted from 1."""
    number = 0
    position = len(_MAGIC)
    while len(head := view.read(position, _FIXED.size)) >= 7:
        kind, flags, size = struct.unpack_from("<BHH", head, 2)
        if size < 7 or kind == _END_BLOCK:
            return
        if kind != _FILE_BLOCK:
            more = int.from_bytes(head[7:11], "little") if flags & _ADDED else 0
            position += size + more
            continue
        if len(head) < _FIXED.size:
            return
        number += 1
        *_, packed, unpacked, _, checksum, _, version, method, name_size, _ = _FIXED.unpack(head)
        if flags & _LARGE:
            packed += int.from_bytes(view.read(position + 32, 4), "little") << 32
        name = view.read(position + 32 + 8 * bool(flags & _LARGE), name_size).split(b"\0")[0]
        start = position + size
        if version < _VERSION_29 or method == _STORED:
            text = name.decode("utf-8", "surrogateescape")
            yield OldFile(number, text, flags, version, method, unpacked, checksum, start, packed)
        position = start + packed


def members(view: View, found: list[OldFile], unpacking: Unpacking) -> Iterator[Child]:
    """Yield the content of old files; those of a solid archive share what their decoder remembers."""
    decoder: rar15.Decoder | rar20.Decoder | None = None
    lost = False
    for file in found:
        unpacking.budget.tick()
        label = file.name[:100]
        if unpacking.wants_members:
            unpacking.member(Member(file.name, 0, file.size, bool(file.flags & _ENCRYPTED), file.number))
        if file.flags & _ENCRYPTED:
            unpacking.problem(ProblemKind.ENCRYPTED, f"{label} is encrypted")
            lost = True
            continue
        if file.method == _STORED:
            yield from _stored(view, file, unpacking)
            continue
        if not file.flags & _SOLID or decoder is None:
            lost = bool(file.flags & (_SOLID | _BEFORE))
            decoder = rar20.Decoder() if file.version >= _VERSION_20 else rar15.Decoder()
        if lost:
            unpacking.problem(ProblemKind.TRUNCATED, f"{label} needs what came before it")
            continue
        if file.size:
            stream = _stream(view, file, decoder, unpacking)
            yield Child(file.name, _checked(stream, file, unpacking), stream.consumed)
            lost = not stream.finished


def _stored(view: View, file: OldFile, unpacking: Unpacking) -> Iterator[Child]:
    if file.start + file.packed > view.size:
        unpacking.problem(ProblemKind.TRUNCATED, f"{file.name[:100]} is cut off")
    content = view.slice(file.start, file.packed)
    if content.size:
        yield Child(file.name, content)


def _stream(view: View, file: OldFile, decoder: rar15.Decoder | rar20.Decoder, unpacking: Unpacking) -> PulledStream:
    end = min(file.start + file.packed, view.size)
    label = file.name[:100]
    return PulledStream(
        view, file.start, lambda source: decoder.decode(source, file.size), unpacking, end=end, label=label
    )


def _checked(stream: PulledStream, file: OldFile, unpacking: Unpacking) -> Iterator[bytes]:
    checksum = 0
    for chunk in stream.chunks():
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    if stream.finished and checksum != file.checksum:
        unpacking.problem(ProblemKind.MALFORMED, f"{file.name[:100]} has a wrong checksum")
