"""Builds what office documents are made of, from their specifications."""

import struct
import zlib
from pathlib import Path


def packaged_file(name: str, content: bytes, *, size: int | None = None) -> bytes:
    """What Packager makes of a file that is dropped into a document."""
    path = f"C:\\{name}".encode() + b"\0"
    wide = "".join((path.decode()[:-1], name, path.decode()[:-1]))
    names = b"".join(struct.pack("<I", len(x)) + x.encode("utf-16-le") for x in (wide[:3], name, wide[:3]))
    return (
        b"\2\0" + name.encode() + b"\0" + path + struct.pack("<HHI", 0, 3, len(path)) + path
        + struct.pack("<I", len(content) if size is None else size) + content + names
    )  # fmt: skip


def ole10_native(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def ole1_object(class_name: str, content: bytes) -> bytes:
    name = class_name.encode() + b"\0"
    head = struct.pack("<III", 0x501, 2, len(name)) + name + bytes(8)
    return head + struct.pack("<I", len(content)) + content


def rtf(*objects: bytes) -> bytes:
    """Each object is what stands between ``\\objdata`` and the end of its group."""
    groups = b"".join(rb"{\object\objemb{\*\objclass Package}{\*\objdata " + data + b"}}" for data in objects)
    return rb"{\rtf1\ansi\deff0{\fonttbl{\f0 Times;}}\pard text " + groups + b"}"


def onenote(*files: bytes) -> bytes:
    guid = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
    begin, end = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac"), bytes.fromhex("22a7fb7179 0f0b4abb13899256426b24")
    frames = b"".join(begin + struct.pack("<QIQ", len(x), 0, 0) + x + bytes(-len(x) % 8) + end for x in files)
    return guid.ljust(1024, b"\1") + frames


def compact(value: int) -> bytes:
    width = next((n for n in range(1, 8) if value < 1 << 7 * n), 0)
    if not width:
        return b"\x80" + struct.pack("<Q", value)
    return (value << width | 1 << width - 1).to_bytes(width, "little")


def onenote_package(*files: bytes) -> bytes:
    """What a notebook is when it is downloaded from the web."""
    out = (
        bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
        + bytes(32)
        + bytes.fromhex("2fe98d63d4a6c14b9a36b3fc2511a5b7")
    )
    for content in files:
        body = compact(len(content)) + content
        short = min(len(body), 0x7FFF)
        out += struct.pack("<I", short << 17 | 0x12) + (compact(len(body)) if short == 0x7FFF else b"") + body
    return out


def tnef(*attachments: tuple[str, bytes], properties: bytes = b"") -> bytes:
    def attribute(level: int, number: int, data: bytes) -> bytes:
        return struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)

    out = b"\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x00089006, struct.pack("<I", 0x10000))
    out += attribute(1, 0x00069003, properties) if properties else b""
    for name, content in attachments:
        out += attribute(2, 0x00069002, bytes(14))
        out += attribute(2, 0x00018010, name.encode() + b"\0") + attribute(2, 0x0006800F, content)
    return out


def mapi(*properties: tuple[int, int, bytes]) -> bytes:
    """A list of MAPI properties of variable length: (number, type, value)."""
    out = struct.pack("<I", len(properties))
    for number, kind, value in properties:
        out += struct.pack("<HHII", kind, number, 1, len(value)) + value + bytes(-len(value) % 4)
    return out


def compressed_rtf(text: bytes) -> bytes:
    """Literals alone, and the end mark."""
    start = 207
    body = bytearray()
    for at in range(0, len(text), 8):
        body += b"\0" + text[at : at + 8]
    left = len(text) % 8
    mark = struct.pack(">H", ((start + len(text)) % 4096) << 4)
    if left:
        body[-left - 1] = 1 << left
        body += mark
    else:
        body += b"\1" + mark
    return struct.pack("<II4sI", len(body) + 12, len(text), b"LZFu", 0) + body


def lnk(arguments: str, *, overlay: bytes = b"", target: str = "") -> bytes:
    flags = 0x20 | 0x80
    header = bytes.fromhex("4c0000000114020000000000c000000000000046") + struct.pack("<I", flags)
    text = struct.pack("<H", len(arguments)) + arguments.encode("utf-16-le")
    block = b""
    if target:
        block = struct.pack("<II", 788, 0xA0000001) + bytes(260) + target.encode("utf-16-le").ljust(520, b"\0")
    return header.ljust(76, b"\0") + text + block + bytes(4) + overlay


def vba_compress(data: bytes) -> bytes:
    """A compressed container ([MS-OVBA] 2.4.1.3), with a reference wherever three bytes occurred before."""
    out = bytearray(b"\1")
    for start in range(0, len(data), 4096):
        chunk = data[start : start + 4096]
        body = _vba_chunk(chunk)
        if len(body) >= 4096:
            body = chunk.ljust(4096, b"\0")
            out += struct.pack("<H", 0x3000 | 4095) + body
        else:
            out += struct.pack("<H", 0xB000 | len(body) - 1) + body
    return bytes(out)


def _vba_chunk(chunk: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(chunk):
        flags, tokens = 0, bytearray()
        for bit in range(8):
            if at >= len(chunk):
                break
            width = max((at - 1).bit_length(), 4) if at else 4
            found = chunk.rfind(chunk[at : at + 3], 0, at + 2) if at and at + 3 <= len(chunk) else -1
            if found < 0 or found >= at:
                tokens.append(chunk[at])
                at += 1
                continue
            length = 3
            longest = min((0xFFFF >> width) + 3, len(chunk) - at)
            while length < longest and chunk[found + length] == chunk[at + length]:
                length += 1
            flags |= 1 << bit
            tokens += struct.pack("<H", (at - found - 1) << 16 - width | length - 3)
            at += length
        out.append(flags)
        out += tokens
    return bytes(out)


def vba_project(
    modules: dict[str, str], *, pcode: bytes = b"\x01\x16\x03", offset: int | None = None
) -> dict[str, bytes]:
    """The streams of a project, by their names."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HI", kind, len(data)) + data

    listing = record(1, struct.pack("<I", 1)) + record(3, struct.pack("<H", 1252)) + record(4, b"VBAProject")
    listing += struct.pack("<HIIH", 9, 4, 1, 2) + record(0x0F, struct.pack("<H", len(modules)))
    streams = {}
    for name, source in modules.items():
        listing += record(0x19, name.encode()) + record(0x47, name.encode("utf-16-le"))
        listing += record(0x1A, name.encode()) + record(0x32, name.encode("utf-16-le"))
        listing += record(0x31, struct.pack("<I", len(pcode) if offset is None else offset))
        listing += record(0x21, b"") + record(0x2B, b"")
        text = f'Attribute VB_Name = "{name}"\r\n{source}'.encode()
        streams[name] = pcode + vba_compress(text)
    return {"dir": vba_compress(listing + record(0x10, b"")), "_VBA_PROJECT": b"\xcc\x61\xff\xff\0\0\0", **streams}


def presentation(storage: bytes) -> bytes:
    """A stream ``PowerPoint Document`` with one embedded storage."""
    packed = struct.pack("<I", len(storage)) + zlib.compress(storage)
    return struct.pack("<HHI", 0x0F, 1000, 8 + len(packed)) + struct.pack("<HHI", 0x10, 0x1011, len(packed)) + packed


def write_tree(folder: Path, streams: dict[str, bytes]) -> None:
    """Write streams as files, for ``gsf createole``."""
    for name, content in streams.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
