"""Builds setups as Inno Setup lays them out, release by release, and shortens those that its own compilers made."""

import hashlib
import lzma
import struct
import zlib

from tests.formats.programs import Pe

NEW_TABLE = b"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a"
_RESOURCES = 0x400
_TABLE_AT = _RESOURCES + 0x60
_PROGRAM = 0x600


def program(table: bytes, number: int = 11111) -> bytes:
    """Return a program with one resource of raw data."""
    tree = b""
    for identity, below in ((10, 0x18), (number, 0x30), (0, 0)):
        target = 0x80000000 | below if below else 0x48
        tree += bytes(12) + struct.pack("<HHII", 0, 1, identity, target)
    tree += struct.pack("<IIII", 0x1000 + _TABLE_AT - _RESOURCES, len(table), 0, 0)
    content = tree.ljust(_TABLE_AT - _RESOURCES, b"\0") + table
    content += bytes(-len(content) % 0x200)
    return Pe(
        sections=[(b".rsrc", len(content), 0x1000, len(content), _RESOURCES)],
        entry=0,
        directories={2: (0x1000, len(content))},
        size=_RESOURCES + len(content),
        content={_RESOURCES: content},
    ).build()


def offsets(header: int, files: int, engine: int = 0, *, revision: int = 1) -> bytes:
    """Return a table of offsets."""
    if revision == 1:
        fields = struct.pack("<IIIIIII", 1, 0, engine, 0, 0, header, files)
    else:
        fields = struct.pack("<IqqIIqqI", 2, 0, engine, 0, 0, header, files, 0)
    return NEW_TABLE + fields + struct.pack("<I", zlib.crc32(NEW_TABLE + fields))


def block(content: bytes, version: tuple[int, ...]) -> bytes:
    """Pack a block, with checksums of its pieces of 4 KiB."""
    packed = _lzma1(content)
    pieces = [packed[at : at + 4096] for at in range(0, len(packed), 4096)]
    body = b"".join(struct.pack("<I", zlib.crc32(piece)) + piece for piece in pieces)
    head = struct.pack("<qB" if version >= (6, 7) else "<IB", len(body), 1)
    return struct.pack("<I", zlib.crc32(head)) + head + body


def _lzma1(content: bytes) -> bytes:
    alone = lzma.compress(content, lzma.FORMAT_ALONE, preset=1)
    return alone[:5] + alone[13:]


def absolute(data: bytes) -> bytes:
    """Make the targets of calls absolute, as releases from 5.3.9 on do, a byte after the other."""
    out = bytearray(data)
    for start in range(0, len(out), 0x10000):
        at, end = start, min(start + 0x10000, len(out)) - 4
        while at < end:
            at += 1
            if out[at - 1] not in (0xE8, 0xE9):
                continue
            if out[at + 3] in (0, 0xFF):
                value = int.from_bytes(out[at : at + 3], "little")
                out[at + 3] ^= 0xFF if value & 0x800000 else 0
                out[at : at + 3] = (value + at + 4 & 0xFFFFFF).to_bytes(3, "little")
            at += 4
    return bytes(out)


def location(version: tuple[int, ...], at: int, content: bytes, packed: int, *, calls: bool) -> bytes:
    start = struct.pack("<IIq" if version >= (6, 5, 2) else "<III", 0, 0, 0)
    digest = hashlib.sha256 if version >= (6, 4) else hashlib.sha1 if version >= (5, 3, 9) else hashlib.md5
    record = start + struct.pack("<qqq", at, len(content), packed) + digest(content).digest() + bytes(16)
    if version >= (6, 4, 3):
        return record + bytes((4 * calls + 16,))
    flags = struct.pack("<H" if version >= (5, 1, 13) else "<B", 16 * calls + 128)
    return record + flags + bytes((6, 3) <= version < (6, 4, 3))


def _entry(version: tuple[int, ...], name: str, number: int) -> bytes:
    wide = version >= (5, 5)
    text = name.encode("utf-16-le" if wide else "latin-1")
    strings = 15 if version >= (6, 5) else 10 if version >= (5, 2, 5) else 9
    entry = bytes(4) + struct.pack("<I", len(text)) + text + bytes(4 * (strings - 2))
    entry += bytes(33 + 4 if version >= (6, 5) else 0)
    return entry + bytes(20) + struct.pack("<II", number, 0x20) + bytes(8 + 2 + 8 + 1)


def setup(version: tuple[int, ...], files: dict[str, bytes], *, calls: bool = False, method: str = "lzma2") -> bytes:
    """Return a setup of the given release, whose files are packed together."""
    body = b"".join(absolute(content) if calls else content for content in files.values())
    packed = {"lzma2": _lzma2, "lzma": _lzma1, "zlib": zlib.compress}[method](body)
    records, entries, at = b"", b"\x06\0\0\0S\0e\0t\0", 0
    for number, (name, content) in enumerate(files.items()):
        records += location(version, at, content, len(packed), calls=calls)
        entries += _entry(version, "{app}\\" + name, number)
        at += len(content)
    return _assembled(version, entries, records, packed)


def overlapping(version: tuple[int, ...]) -> bytes:
    """Return a setup with two files that share half of their content."""
    records = b"".join(location(version, at, b"x" * 100, 50, calls=False) for at in (0, 50))
    return _assembled(version, b"\x02\0\0\0S\0", records, _lzma2(b"x" * 200))


def _assembled(version: tuple[int, ...], entries: bytes, records: bytes, packed: bytes) -> bytes:
    mark = " (u)" if (5, 5) <= version < (6, 3) else ""
    title = f"Inno Setup Setup Data ({'.'.join(map(str, version))}){mark}".encode().ljust(64, b"\0")
    title += bytes(53) if version >= (6, 5) else b""
    head = title + block(entries, version) + block(records, version)
    table = offsets(_PROGRAM, _PROGRAM + len(head), revision=2 if version >= (6, 5) else 1)
    return program(table) + head + b"zlb\x1a" + packed


def _lzma2(content: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    return bytes((16,)) + lzma.compress(content, lzma.FORMAT_RAW, filters=filters)


def shortened(real: bytes) -> bytes:
    """Return a setup that Inno Setup's compiler made with a program of 1.5 KiB before it, and without its engine."""
    at = real.index(NEW_TABLE + b"\1\0\0\0")
    _, engine, _, _, header, files = struct.unpack_from("<6I", real, at + 16)
    assert files < header < engine
    packed = real[files:header]
    return program(offsets(_PROGRAM + len(packed), _PROGRAM)) + packed + real[header:engine]
