"""Records of ISO 9660: volume descriptors, directory records, and what Rock Ridge appends to them.

Numbers stand twice, in both byte orders. Readers differ in which one they believe, so both are given where they differ.

Source: ECMA-119; Joliet Specification (Microsoft, 1995); IEEE P1281 (SUSP) and P1282 (Rock Ridge).
"""

import struct
from typing import NamedTuple

from freehold.model.view import View

SECTOR = 2048
MAGIC = b"CD001"
BOOT, PRIMARY, SUPPLEMENTARY, TERMINATOR = 0, 1, 2, 255
_BLOCKS = frozenset({512, 1024, 2048})
_JOLIET = (b"%/@", b"%/C", b"%/E")
_RECORD = 33
_IS_DIRECTORY, _IS_CONTINUED = 0x02, 0x80
_SUSP = 4
_MOST_CONTINUATIONS = 8
_NAME_BYTES = 4096


class Volume(NamedTuple):
    """A primary or supplementary descriptor; ``tables`` are places and size of the path tables, in bytes."""

    block: int
    root: bytes
    joliet: bool
    tables: tuple[tuple[int, int, str], ...]


class Record(NamedTuple):
    r"""One directory record.

    Attributes:
        places: (start, size) in bytes, as either byte order has it; usually one.
        directory: whether it is a directory's.
        continued: whether the file goes on in the next record.
        name: for people; "." and ".." of a directory are "\0" and "\1".
        relocated: start of the directory that Rock Ridge moved elsewhere, None when this is not its place holder.
        interleaved: whether the content has gaps.
        elsewhere: (start, size) in bytes of what Rock Ridge says about it in other places.
        plain: the name without Rock Ridge's.
    """

    places: tuple[tuple[int, int], ...]
    directory: bool
    continued: bool
    name: str
    relocated: int | None
    interleaved: bool
    elsewhere: tuple[tuple[int, int], ...]
    plain: str


def volume(descriptor: bytes) -> Volume:
    """Return what a primary or supplementary descriptor says."""
    block = int.from_bytes(descriptor[128:130], "little")
    if block not in _BLOCKS:
        block = SECTOR
    size, little, _, big = struct.unpack_from("<I4xIII", descriptor, 132)
    tables = ((little * block, size, "little"), (_swap(big) * block, size, "big"))
    joliet = descriptor[0] == SUPPLEMENTARY and descriptor[88:91] in _JOLIET
    return Volume(block, descriptor[156:190], joliet, tables)


def record(view: View, data: bytes, at: int, found: Volume) -> Record | None:
    """Return the directory record at ``at`` of ``data``, None when there is no whole one."""
    length = data[at] if at < len(data) else 0
    if length <= _RECORD or at + length > len(data) or _RECORD + data[at + 32] > length:
        return None
    raw = data[at : at + length]
    extended, first, first_big, size, size_big = struct.unpack_from("<xBI4s I4s", raw)
    starts = {(first + extended) * found.block, (int.from_bytes(first_big, "big") + extended) * found.block}
    sizes = {size, int.from_bytes(size_big, "big")}
    end = _RECORD + raw[32]
    name = plain = _name(raw[_RECORD:end], joliet=found.joliet)
    relocated = None
    elsewhere: list[tuple[int, int]] = []
    if not found.joliet:
        long_name, relocated = _rock_ridge(view, raw[end + (end & 1) :], found.block, elsewhere)
        name = name if name in ("\0", "\1") else long_name or name
    places = tuple((start, length) for start in sorted(starts) for length in sorted(sizes))
    flags = raw[25]
    return Record(
        places,
        bool(flags & _IS_DIRECTORY),
        bool(flags & _IS_CONTINUED),
        name,
        relocated,
        bool(raw[26] or raw[27]),
        tuple(elsewhere),
        plain,
    )


def table_places(view: View, table: tuple[int, int, str], block: int, limit: int) -> list[int]:
    """Return where the directories begin that a path table lists, at most ``limit``."""
    start, size, order = table
    data = view.read(start, min(size, limit * 16))
    places: list[int] = []
    at = 0
    while at + 8 <= len(data) and data[at] and len(places) < limit:
        first = int.from_bytes(data[at + 2 : at + 6], "little" if order == "little" else "big")
        places.append((first + data[at + 1]) * block)
        at += 8 + data[at] + (data[at] & 1)
    return places


def _swap(value: int) -> int:
    return int.from_bytes(value.to_bytes(4, "little"), "big")


def _name(raw: bytes, *, joliet: bool) -> str:
    if len(raw) == 1:
        return raw.decode("latin-1")
    if joliet:
        return raw.decode("utf-16-be", "replace")
    return raw.split(b";")[0].rstrip(b".").decode("utf-8", "surrogateescape")


def _rock_ridge(view: View, area: bytes, block: int, elsewhere: list[tuple[int, int]]) -> tuple[str, int | None]:
    """Return the long name, "" for none, and where the directory went that this record stands for.

    The areas that it goes on in are added to ``elsewhere``.
    """
    name = b""
    relocated = None
    for _ in range(_MOST_CONTINUATIONS):
        following = None
        while len(area) > _SUSP and _SUSP <= area[2] <= len(area):
            kind, entry, area = area[:2], area[_SUSP : area[2]], area[area[2] :]
            if kind == b"NM" and entry:
                name += entry[1:]
            elif kind == b"CL" and len(entry) >= 4:
                relocated = int.from_bytes(entry[:4], "little") * block
            elif kind == b"CE" and len(entry) >= 20:
                following = struct.unpack_from("<I4xI4xI", entry)
            elif kind == b"ST":
                break
        if following is None or len(name) > _NAME_BYTES:
            break
        elsewhere.append((following[0] * block + following[1], min(following[2], SECTOR)))
        area = view.read(*elsewhere[-1])
    return name[:_NAME_BYTES].decode("utf-8", "surrogateescape"), relocated
