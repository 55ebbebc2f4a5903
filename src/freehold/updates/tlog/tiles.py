"""Logs as static files (C2SP tlog-tiles): the paths, and reading what lies there from a folder or a mirror.

Nothing that is read here is trusted: ``hashes`` are compared with a signed root by whoever asked for them
(``CompactRange``), entries with their hashes.
"""

import struct
from collections.abc import Callable, Iterator

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.tlog.merkle import HASH_SIZE, leaf_hash

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""

CHECKPOINT = "checkpoint"

LARGEST_TILE = WIDTH * HASH_SIZE
LONGEST_ENTRY = (1 << 16) - 1
LARGEST_BUNDLE = WIDTH * (LONGEST_ENTRY + 2)
"""Bytes that a fetcher may take for a bundle of entries."""

Read = Callable[[str], bytes | None]
"""Gives the content of a path below the log, or None where there is none."""

_LENGTH = struct.Struct(">H")


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies, below the log's prefix."""
    return f"tile/{level}/{_number(index, width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Return where a bundle of entries lies, below the log's prefix."""
    return f"tile/entries/{_number(index, width)}"


def _number(index: int, width: int) -> str:
    last = f"{index % 1000:03d}"
    upper = ""
    while index := index // 1000:
        upper = f"x{index % 1000:03d}/{upper}"
    return f"{upper}{last}" + (f".p/{width}" if width < WIDTH else "")


def hashes(read: Read, start: int, stop: int, size: int) -> Iterator[bytes]:
    """Yield the leaf hashes from ``start`` to ``stop`` of a log of ``size`` leaves.

    Raises:
        MalformedInput: a tile is missing, or has another size than the tree demands.
    """
    for index in range(start // WIDTH, -(-stop // WIDTH)):
        first, width = index * WIDTH, min(WIDTH, size - index * WIDTH)
        tile = _tile(read, index, width)
        for at in range(max(start, first), min(stop, first + width)):
            yield tile[(at - first) * HASH_SIZE : (at - first + 1) * HASH_SIZE]


def entries(read: Read, start: int, stop: int, size: int) -> Iterator[bytes]:
    """Yield the entries from ``start`` to ``stop`` of a log of ``size`` leaves, each compared with its hash.

    Raises:
        MalformedInput: a file is missing or damaged.
        TrustError: an entry has another hash than the tree says.
    """
    for index in range(start // WIDTH, -(-stop // WIDTH)):
        first, width = index * WIDTH, min(WIDTH, size - index * WIDTH)
        tile = _tile(read, index, width)
        bundle = unpack(_whole_or_partial(read, entries_path, index, width))
        if len(bundle) < width:
            raise MalformedInput(f"{entries_path(index, width)} has {len(bundle)} of {width} entries")
        for at in range(max(start, first), min(stop, first + width)):
            entry = bundle[at - first]
            if leaf_hash(entry) != tile[(at - first) * HASH_SIZE : (at - first + 1) * HASH_SIZE]:
                raise TrustError(f"entry {at} of the log is not what the tree says")
            yield entry


def pack(bundle: list[bytes]) -> bytes:
    """Return entries as a bundle; raises ``MalformedInput`` for one of more than 65535 bytes."""
    if any(len(entry) > LONGEST_ENTRY for entry in bundle):
        raise MalformedInput(f"an entry of a log has at most {LONGEST_ENTRY} bytes")
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in bundle)


def unpack(data: bytes) -> list[bytes]:
    """Read a bundle of entries; raises ``MalformedInput``."""
    bundle: list[bytes] = []
    at = 0
    while at < len(data):
        if at + _LENGTH.size > len(data) or len(bundle) == WIDTH:
            raise MalformedInput("a bundle of entries is damaged")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        bundle.append(data[at : at + length])
        at += length
    if at != len(data):
        raise MalformedInput("a bundle of entries ends too early")
    return bundle


def _tile(read: Read, index: int, width: int) -> bytes:
    data = _whole_or_partial(read, lambda at, wide: tile_path(0, at, wide), index, width)
    if len(data) not in {width * HASH_SIZE, LARGEST_TILE}:
        raise MalformedInput(f"{tile_path(0, index, width)} has {len(data)} bytes, not {width * HASH_SIZE}")
    return data


def _whole_or_partial(read: Read, path: Callable[[int, int], str], index: int, width: int) -> bytes:
    """Read a file that was partial when the tree had the size that is asked for, and may be full by now."""
    for wide in dict.fromkeys((width, WIDTH)):
        data = read(path(index, wide))
        if data is not None:
            return data
    raise MalformedInput(f"the log has no {path(index, width)}")
