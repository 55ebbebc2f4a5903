"""Samples of discs, disks and of what is inside programs; see ``make_golden``.

What no tool of Debian makes is built here after its specification: ``python -m tests.formats.disk_samples NAME`` in a
folder with the tree.
"""

import json
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.formats.programs import two_sections

_ROOT = Path(__file__).parents[2]

_COPY = "; ".join(f"dd if=tree/{name} of=out bs=512 seek={{}} conv=notrunc" for name in ("text.txt", "deep/data.bin"))
_MBR = (
    r"truncate -s 32K out; printf 'start=8,size=8\nstart=16,size=32,type=5\nstart=20,size=6\n' | sfdisk -q -X dos out; "
)
_GPT = (
    r"truncate -s128K out; printf 'first-lba:34\nstart=40,size=8,name=first\nstart=48,size=8\n' | sfdisk -qX gpt out; "
)
_FAT = (
    r"printf '\312\376\272\276\0\0\0\2"
    r"\1\0\0\7\0\0\0\3\0\0\0\60\0\0\7\10\0\0\0\0"
    r"\0\0\0\7\0\0\0\3\0\0\7\70\0\0\13\270\0\0\0\0' > out; cat tree/text.txt tree/deep/data.bin >> out"
)

_GZIP_MAGIC = b"\x1f\x8b\x08"


def _program(text: bytes, data: bytes) -> bytes:
    """A program with one resource, which begins like a gzip file, and something behind its last section."""
    tree = b"".join(
        struct.pack("<12xHHII", 0, 1, identity, target)
        for identity, target in ((10, 1 << 31 | 24), (1, 1 << 31 | 48), (1033, 72))
    )
    leaf = struct.pack("<II8x", 0x2000 + 88, 100)
    resources = tree + leaf + (_GZIP_MAGIC + text)[:100]
    return two_sections(directories={2: (0x2000, 0x200)}, size=0xA00, content={0x800: resources}).build() + data


def _asar(text: bytes, data: bytes) -> bytes:
    tree = {"files": {"a.txt": {"size": len(text), "offset": "0"}}}
    tree["files"]["d"] = {"files": {"b.bin": {"size": len(data), "offset": str(len(text))}}}
    raw = json.dumps(tree).encode()
    padded = len(raw) + -len(raw) % 4
    return struct.pack("<IIII", 4, padded + 8, padded + 4, len(raw)) + raw.ljust(padded, b"\0") + text + data


def _swf(text: bytes, data: bytes) -> bytes:
    tags = struct.pack("<HIHI", 87 << 6 | 63, len(data) + 6, 1, 0) + data + struct.pack("<HH", 1 << 6, 0)
    return b"FWS\x09" + struct.pack("<I", 21 + len(tags)) + b"\0" + struct.pack("<HH", 1, 1) + tags


def _alz(text: bytes, data: bytes) -> bytes:
    deflated = zlib.compress(text, wbits=-15)
    archive = b"ALZ\x01\x0a\0\0\0"
    for name, method, content, size in ((b"a.txt", 2, deflated, len(text)), (b"b.bin", 0, data, len(data))):
        archive += b"BLZ\x01" + struct.pack("<HBIBxBxIHH", len(name), 0x20, 0, 0x20, method, 0, len(content), size)
        archive += name + content
    return archive + b"CLZ\x01" + bytes(8) + b"CLZ\x02"


def _sis(text: bytes, data: bytes) -> bytes:
    packed = [zlib.compress(content) for content in (text, data)]
    names = [name.encode("utf-16-le") for name in ("a.txt", "b.bin")]
    table = 100
    place = table + 2 * 48
    head = struct.pack(
        "<IIII2xHHHHHH2xIHHHHIIII", 0, 0, 0x10000419, 0, 1, 2, 0, 0, 2, 0, 200, 1, 0, 1, 0, 0, 0, table, 0
    )
    records = tail = b""
    for name, content, size in zip(names, packed, (len(text), len(data)), strict=True):
        at = place + len(tail)
        records += struct.pack("<IIIIIII", 0, 0, 0, 0, 0, len(name), at)
        records += struct.pack("<IIIII", len(content), at + len(name), size, 0, 0)
        tail += name + content
    return head.ljust(table, b"\0") + records + tail


def _pyz(text: bytes, data: bytes) -> bytes:
    modules = zlib.compress(text) + zlib.compress(data)
    return b"PYZ\0\xa7\r\r\n" + struct.pack(">I", 17 + len(modules)) + bytes(5) + modules + b"\xdb\0\0\0\0"


BUILT: dict[str, Callable[[bytes, bytes], bytes]] = {
    "pe_inside/overlay.exe": _program,
    "carve/program.bin": lambda text, data: data + two_sections(size=0xA00).build() + text,
    "asar/two.asar": _asar,
    "swf/data.swf": _swf,
    "alz/two.alz": _alz,
    "sis/two.sis": _sis,
    "pyinstaller/two.pyz": _pyz,
    "cryptff/one.cryptff": lambda text, data: (
        b"\xb6\xb9\xac\xae\xfe\xff\xff\xff" + bytes(8) + bytes(255 - b for b in text)
    ),
}
MEMBERS: dict[str, dict[str, str]] = {
    "pe_inside/overlay.exe": {"overlay": "data"},
    "carve/program.bin": {},
    "asar/two.asar": {"a.txt": "text", "d/b.bin": "data"},
    "swf/data.swf": {"data-1": "data"},
    "alz/two.alz": {"a.txt": "text", "b.bin": "data"},
    "sis/two.sis": {"a.txt": "text", "b.bin": "data"},
    "pyinstaller/two.pyz": {"module-1": "text", "module-2": "data"},
    "cryptff/one.cryptff": {"content": "text"},
}


def _build(name: str) -> str:
    return f"folder=$PWD; cd {_ROOT}; python3 -m tests.formats.disk_samples {name} $folder > $folder/out"


GOLDEN = {
    **{name: (_build(name), MEMBERS[name]) for name in MEMBERS},
    "zip/deflate64.zip": (
        "7z a -tzip -mm=Deflate64 out.zip tree; mv out.zip out",
        {"tree/text.txt": "text", "tree/deep/data.bin": "data"},
    ),
    "lzip/one.lz": ("lzip -c tree/text.txt > out", {"content": "text"}),
    "lzop/one.lzo": ("lzop -c tree/text.txt > out", {"content": "text"}),
    "lz4/one.lz4": ("lz4 -q -c tree/text.txt > out", {"content": "text"}),
    "lz4/legacy.lz4": ("lz4 -q -l -c tree/text.txt > out", {"content": "text"}),
    "compress/one.Z": ("compress -c tree/text.txt > out", {"content": "text"}),
    "szdd/one.sz_": ("mscompress tree/text.txt; mv tree/text.txt_ out", {"content": "text"}),
    "iso/joliet.iso": ("genisoimage -quiet -no-pad -J -R -o out tree", {"text.txt": "text", "deep/data.bin": "data"}),
    "iso/plain.iso": ("genisoimage -quiet -no-pad -o out tree", {"TEXT.TXT": "text", "DEEP/DATA.BIN": "data"}),
    "partitions/mbr.img": (_MBR + _COPY.format(8, 20), {"partition-1": "text:4096", "partition-5": "data:3072"}),
    "partitions/gpt.img": (_GPT + _COPY.format(40, 48), {"first": "text:4096", "partition-2": "data:4096"}),
    "macho_fat/two.macho": (_FAT, {"x86_64": "text", "i386": "data"}),
}
"""How each is made, and what is inside: the text or the data, filled with zeros to a size."""

MALFORMED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("zip", "deflate64-damaged.zip", "deflate64.zip", (3220, b"\xff" * 10), ["malformed"]),
    ("pe_inside", "header-only.exe", "overlay.exe", slice(0, 300), []),
    ("carve", "cut.bin", "program.bin", slice(0, 4000), []),
    ("asar", "truncated.asar", "two.asar", slice(0, 2000), ["truncated"]),
    ("asar", "tree.asar", "two.asar", (20, b"{{{{"), ["malformed"]),
    ("swf", "length.swf", "data.swf", (15, b"\xff\xff\xff\xff"), []),
    ("alz", "truncated.alz", "two.alz", slice(0, 1000), ["truncated"]),
    ("alz", "method.alz", "two.alz", (21, b"\x07"), ["unsupported"]),
    ("sis", "truncated.sis", "two.sis", slice(0, 1000), ["truncated"]),
    ("pyinstaller", "truncated.pyz", "two.pyz", slice(0, 1500), ["truncated"]),
    ("cryptff", "header.cryptff", "one.cryptff", slice(0, 10), []),
    ("lzop", "truncated.lzo", "one.lzo", slice(0, 90), ["truncated"]),
    ("lzip", "truncated.lz", "one.lz", slice(0, 60), ["truncated"]),
    ("lzip", "checksum.lz", "one.lz", (-20, b"\xff\xff\xff\xff"), ["malformed"]),
    ("lz4", "truncated.lz4", "one.lz4", slice(0, 60), ["truncated"]),
    ("lz4", "distance.lz4", "one.lz4", (58, b"\xff\xff"), ["malformed"]),
    ("compress", "codes.Z", "one.Z", (40, b"\xff\xff\xff\xff"), ["malformed"]),
    ("szdd", "truncated.sz_", "one.sz_", slice(0, 60), ["truncated"]),
    ("macho_fat", "truncated.macho", "two.macho", slice(0, 1000), ["truncated"]),
    ("iso", "truncated.iso", "joliet.iso", slice(0, 56 * 1024), ["truncated"]),
    ("iso", "no-root.iso", "plain.iso", (32768 + 156, bytes(2)), ["malformed"]),
    ("partitions", "truncated.img", "gpt.img", slice(0, 70 * 512), []),
    ("partitions", "loop.img", "mbr.img", (16 * 512 + 462, bytes.fromhex("0000000005000000000000000800000055aa")), []),
]

Row = tuple[str, str, str, dict[str, bytes]]

TYPES = {
    "overlay.exe": "pe",
    "header-only.exe": "pe",
    "program.bin": "data",
    "cut.bin": "data",
    "two.pyz": "pyz",
    "truncated.pyz": "pyz",
    "two.macho": "macho-fat",
    "truncated.macho": "macho-fat",
    "mbr.img": "mbr",
    "loop.img": "mbr",
    "gpt.img": "gpt",
    "truncated.img": "gpt",
}
"""What samples are whose type has another name than their format."""


def golden(text: bytes, data: bytes) -> list[Row]:
    """Return the rows for ``make_golden.GOLDEN``."""
    contents = {"text": text, "data": data}
    rows = []
    for path, (command, members) in GOLDEN.items():
        form, name = path.split("/")
        filled = {}
        for member, content in members.items():
            which, _, size = content.partition(":")
            filled[member] = contents[which].ljust(int(size or 0), b"\0")
        rows.append((form, name, command, filled))
    return rows


def main() -> None:
    name, folder = sys.argv[1:]
    text, data = (Path(folder, "tree", path).read_bytes() for path in ("text.txt", "deep/data.bin"))
    sys.stdout.buffer.write(BUILT[name](text, data))


if __name__ == "__main__":
    main()
