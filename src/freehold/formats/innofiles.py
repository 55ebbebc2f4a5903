"""The files of a setup that Inno Setup made: where each lies, what it is called, the filter that programs went through.

Source: Inno Setup's own sources (``Shared.Struct.pas``, ``Compression.Base.pas``), releases 4.2 to 7.1.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

Version = tuple[int, ...]

_BLOCK_OF_CALLS = 1 << 16
_CALL = re.compile(rb"[\xe8\xe9](....)", re.DOTALL)
_SIGN_EXTENDED = (0x00, 0xFF)
_ENTRY_WIDE = re.compile(rb"\0\0\0\0(?=..\0\0\{\0)", re.DOTALL)
_ENTRY_NARROW = re.compile(rb"\0\0\0\0(?=..\0\0\{)", re.DOTALL)
_VERSIONS = 20
_LONGEST_NAME = 4096
_MOST_ENTRIES = 1 << 18


class Location(NamedTuple):
    """Where a file lies.

    Attributes:
        slices: the first and the last file that its bytes lie in, from 0.
        start: of what it is packed in together with others, in the first of these.
        at: its place in what comes out there.
        size: of its content.
        packed: bytes that all that is packed together takes.
        calls: whether the targets of calls in it were made absolute.
        encrypted: whether it is.
        is_packed: whether it is.
    """

    slices: tuple[int, int]
    start: int
    at: int
    size: int
    packed: int
    calls: bool
    encrypted: bool
    is_packed: bool


def locations(table: bytes, version: Version) -> list[Location]:
    """Return what the list of files says, in its order; nothing when it is no list of this release."""
    new = version >= (6, 4, 3)
    wide = "q" if version >= (6, 5, 2) else "I"
    digest = 32 if version >= (6, 4) else 20 if version >= (5, 3, 9) else 16
    flags = "H" if (5, 1, 13) <= version < (6, 4, 3) else "B"
    sign = "x" if (6, 3) <= version < (6, 4, 3) else ""
    record = struct.Struct(f"<II{wide}QQQ{digest}x16x{flags}{sign}")
    calls, encrypted, is_packed = (4, 8, 16) if new else (16, 64, 128)
    if len(table) % record.size:
        return []
    return [
        Location((first, last), start, at, size, packed, bool(f & calls), bool(f & encrypted), bool(f & is_packed))
        for first, last, start, at, size, packed, f in record.iter_unpack(table)
    ]


def names(header: bytes, count: int, version: Version, *, wide: bool) -> dict[int, str]:
    """Return what files are called, by their number in the list.

    What comes before the entries of files has another layout in each release. An entry has no source, as that is
    packed, a destination that begins with a constant, and further on the number of a file that exists.
    """
    found: dict[int, str] = {}
    for tried, entry in enumerate((_ENTRY_WIDE if wide else _ENTRY_NARROW).finditer(header)):
        if tried >= _MOST_ENTRIES:
            break
        at = entry.end()
        length = int.from_bytes(header[at : at + 4], "little")
        number = _number(header, at, version)
        if 0 <= number < count and length <= _LONGEST_NAME:
            name = header[at + 4 : at + 4 + length]
            found.setdefault(number, name.decode("utf-16-le" if wide else "latin-1", "replace"))
    return found


def _number(header: bytes, at: int, version: Version) -> int:
    """Return the number of a file in an entry whose second string stands at ``at``; -1 when that is none."""
    strings = 15 if version >= (6, 5) else 9 if version >= (5, 2, 5) else 8
    for _ in range(strings):
        at += 4 + int.from_bytes(header[at : at + 4], "little")
        if at > len(header):
            return -1
    at += _VERSIONS + (33 if version >= (6, 5) else 0)
    return int.from_bytes(header[at : at + 4].ljust(4, b"\xff"), "little")


def without_calls(chunks: Iterator[bytes], version: Version, *, whole: bool = False) -> Iterator[bytes]:
    """Yield a program with the targets of calls and jumps as they were before they were made absolute.

    Args:
        chunks: of what was unpacked.
        version: of Inno Setup; from 5.2 on no instruction crosses the end of a block of 64 KiB.
        whole: whether there is only one block.
    """
    block = 1 << 40 if whole or version < (5, 2) else _BLOCK_OF_CALLS
    done = 0
    kept = b""
    for chunk in chunks:
        kept += chunk
        at = 0
        while at < len(kept):
            room = block - done % block
            out = _relative(kept[at : at + room], done, version, complete=len(kept) - at >= room)
            if not out:
                break
            yield out
            at += len(out)
            done += len(out)
        kept = kept[at:]
    if kept:
        yield kept


def _relative(piece: bytes, done: int, version: Version, *, complete: bool) -> bytes:
    """Return a piece up to where the next instruction might begin; ``complete``: no instruction goes on behind it."""
    parts = []
    last = 0
    for found in _CALL.finditer(piece):
        parts += [piece[last : found.start() + 1], _target(found[1], done + found.end(), version)]
        last = found.end()
    end = len(piece) if complete else max(last, len(piece) - 4)
    return b"".join([*parts, piece[last:end]])


def _target(field: bytes, behind: int, version: Version) -> bytes:
    if version < (5, 2):
        return (int.from_bytes(field, "little") - behind & 0xFFFFFFFF).to_bytes(4, "little")
    if field[3] not in _SIGN_EXTENDED:
        return field
    relative = int.from_bytes(field[:3], "little") - behind & 0xFFFFFF
    flipped = version >= (5, 3, 9) and relative & 0x800000
    return relative.to_bytes(3, "little") + bytes((field[3] ^ 0xFF if flipped else field[3],))
