"""Version information of Windows programs, made so that patterns stand where its keys start."""

import struct
from collections.abc import Sequence

from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.pieces import Piece

_DIRECTORY = 88
"""Bytes of a resource directory with a single entry of three levels."""


def version_resource(pieces: Sequence[Piece], address: int) -> tuple[bytes, list[int]]:
    """Return a resource directory for this address, and where in it each piece's match starts.

    The pieces become keys of strings; whatever follows a key's end is its value. Raises ``CannotCarry`` for pieces that
    need something before their start.
    """
    if any(piece.lead for piece in pieces):
        raise CannotCarry("nothing can stand before a key of version information")
    strings, starts = b"", []
    for piece in pieces:
        starts.append(len(strings) + 6)
        key = piece.value + bytes(len(piece.value) % 2) + bytes(4)
        strings += struct.pack("<HHH", 6 + len(key) + 8, 2, 1) + key + "qvx\0".encode("utf-16-le")
        strings += bytes(-len(strings) % 4)
    table = _block("040904B0", b"", strings)
    file_info = _block("StringFileInfo", b"", table)
    fixed = struct.pack("<II", 0xFEEF04BD, 0x10000) + bytes(44)
    version = _block("VS_VERSION_INFO", fixed, file_info)
    before = len(version) - len(strings) + _DIRECTORY
    return _directory(address, len(version)) + version, [before + start for start in starts]


def _block(key: str, value: bytes, children: bytes) -> bytes:
    head = (key + "\0").encode("utf-16-le")
    head += bytes(-(len(head) + 6) % 4) + value
    return struct.pack("<HHH", 6 + len(head) + len(children), len(value), 0 if value else 1) + head + children


def _directory(address: int, size: int) -> bytes:
    levels = b""
    for identifier, below in ((16, 0x80000018), (1, 0x80000030), (0x409, 72)):
        levels += struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, identifier, below)
    return levels + struct.pack("<IIII", address + _DIRECTORY, size, 0, 0)
