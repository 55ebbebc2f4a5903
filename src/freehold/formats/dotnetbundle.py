"""Programs of .NET in a single file: what the bundle behind their host holds, stored or packed.

The host carries a mark of 32 bytes; the eight bytes before it say where the list of files stands.

Source: the .NET runtime's design documents ("The Single-file Bundler") and its host.
"""

import struct
from collections.abc import Generator, Iterator

from freehold.formats.extents import Extents, rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.streams import Stream
from freehold.model.interfaces import Child, Unpacking
from freehold.model.limits import MIB
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MARK = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")
_LARGEST_HOST = 64 * MIB
_LARGEST_LIST = 16 * MIB
_WINDOW = MIB
_PLACES_OF_SETTINGS = 40
_RELEASES = range(1, 7)


def members(view: View, end: int, unpacking: Unpacking) -> Generator[Child, None, bool]:
    """Yield the files of a bundle and what is left behind the program; the value says whether there is one.

    Args:
        view: of a program.
        end: of the program itself, where a bundle may begin; its mark lies before.
        unpacking: see ``Format.children``.
    """
    if end >= view.size:
        return False
    place = _list_at(view, min(end, _LARGEST_HOST), unpacking)
    if not place:
        return False
    content = view.read(place, _LARGEST_LIST)
    if len(content) < 13:
        unpacking.problem(ProblemKind.TRUNCATED, "the list of a .NET bundle is cut off")
        return False
    release, _, count = struct.unpack_from("<III", content)
    if release not in _RELEASES:
        unpacking.problem(ProblemKind.UNSUPPORTED, f"a .NET bundle of version {release} cannot be opened")
        return False
    at = 13 + content[12] + (_PLACES_OF_SETTINGS if release > 1 else 0)
    claimed = Extents()
    claimed.add(0, end)
    for name, start, stored, packed, after in _files(content, at, (count, release), unpacking):
        at = after
        if start <= 0 or stored < 0 or start + stored > view.size:
            unpacking.problem(ProblemKind.TRUNCATED, f"{name[:100]} is cut off")
        if not 0 < start < view.size or stored <= 0:
            continue
        claimed.add(start, min(start + stored, view.size))
        if packed:
            stream = Stream(view, start, DEFLATE, unpacking, end=start + stored, label=name[:100])
            yield Child(name, stream.chunks(), stream.consumed)
        else:
            yield Child(name, view.slice(start, stored))
    claimed.add(place, min(place + at, view.size))
    for start, finish in claimed.gaps(view.size):
        yield from rest(view, start, finish)
    return True


def _list_at(view: View, end: int, unpacking: Unpacking) -> int:
    """Return where the list stands; 0 when there is none, as in a host without a bundle."""
    for position in range(0, end, _WINDOW):
        piece = view.read(position, min(_WINDOW + 40, end - position))
        found = piece.find(_MARK, 8)
        if found > 0:
            return int.from_bytes(piece[found - 8 : found], "little")
        unpacking.budget.tick()
    return 0


def _files(
    content: bytes, at: int, counted: tuple[int, int], unpacking: Unpacking
) -> Iterator[tuple[str, int, int, bool, int]]:
    """Yield name, place, length, whether it is packed, and the end of its entry, of each file that the list names."""
    count, release = counted
    entry = struct.Struct("<qqqB" if release >= _RELEASES[-1] else "<qqB")
    for _ in range(count):
        if at + entry.size + 1 > len(content):
            unpacking.problem(ProblemKind.TRUNCATED, "the list of a .NET bundle is cut off")
            return
        start, size, *packed, _ = entry.unpack_from(content, at)
        at += entry.size
        length, at = _length(content, at)
        name = content[at : at + length].decode("utf-8", "surrogateescape")
        at += length
        compressed = bool(packed and packed[0])
        yield name, start, packed[0] if compressed else size, compressed, at


def _length(content: bytes, at: int) -> tuple[int, int]:
    """Read a length in groups of seven bits, as .NET writes them; return it and what follows it."""
    low = content[at]
    if low < 0x80:
        return low, at + 1
    return (low & 0x7F) + (int.from_bytes(content[at + 1 : at + 2], "little") << 7), at + 2
