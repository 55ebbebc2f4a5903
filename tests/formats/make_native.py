"""Makes the stored samples of the formats that native libraries open: ``python -m tests.formats.make_native``.

Beside ``make_golden``, because some of its tools are large, and are needed for nothing else. RAR has no free maker: its
samples are stored members, written here from the description of the format.
"""

import hashlib
import json
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

from tests.formats import udif
from tests.formats.make_golden import DATA, FULL, HERE, TEXT, TREE

FILES = {name.removeprefix("tree/"): content for name, content in FULL.items()}
FLAT = {Path(name).name: content for name, content in FULL.items()}

SPEC = """Name: a
Version: 1
Release: 1
Summary: a
License: a
BuildArch: noarch
%description
%files
/text.txt
/data.bin
%install
cp $SOURCE/tree/text.txt $SOURCE/tree/deep/data.bin %{buildroot}/
"""
PROJECT = """[OPTIONS]
Compiled file=../out
Default topic=text.txt
Title=Sample
[FILES]
text.txt
deep/data.bin
"""
SCRIPT = """OutFile "setup.exe"
SetCompressor /SOLID lzma
RequestExecutionLevel user
SilentInstall silent
Section
SetOutPath "$TEMP"
File "tree/text.txt"
File "tree/deep/data.bin"
SectionEnd
"""
OVERLAY = """python3 -c "
d = open('setup.exe', 'rb').read()
open('out', 'wb').write(d[d.rindex(b'\\xef\\xbe\\xad\\xdeNull') - 4:])" """

BCJ2 = "-m0=bcj2 -m1=lzma -m2=lzma -m3=lzma -mb0:1 -mb0s1:2 -mb0s2:3"

NATIVE: list[tuple[str, str, str, dict[str, bytes]]] = [
    ("7z", "solid.7z", "7z a -mtm- out.7z tree; mv out.7z out", FULL),
    ("7z", "single.7z", "7z a -mtm- -ms=off -m0=ppmd out.7z tree; mv out.7z out", FULL),
    ("7z", "bzip2.7z", "7z a -mtm- -m0=bzip2 out.7z tree; mv out.7z out", FULL),
    ("7z", "bcj2.7z", f"7z a -mtm- {BCJ2} out.7z tree; mv out.7z out", FULL),
    ("cab", "plain.cab", "gcab -c out tree/text.txt tree/deep/data.bin", FULL),
    ("cab", "mszip.cab", "gcab -zc out tree/text.txt tree/deep/data.bin", FULL),
    ("chm", "fpc.chm", "mv p.hhp tree; cd tree; chmcmd p.hhp", FILES),
    ("arj", "packed.arj", "arj a -r out.arj tree; mv out.arj out", FULL),
    ("lha", "lh5.lzh", "jlha a out.lzh tree/text.txt tree/deep/data.bin; mv out.lzh out", FULL),
    ("nsis", "solid.nsis", f"makensis script.nsi; {OVERLAY}", {f"$TEMP/{n}": c for n, c in FLAT.items()}),
    ("wim", "lzx.wim", "wimlib-imagex capture tree out.wim --compress=LZX; mv out.wim out", FILES),
    ("wim", "solid.esd", "wimlib-imagex capture tree out.wim --compress=LZMS --solid; mv out.wim out", FILES),
    ("squashfs", "gzip.sqfs", "mksquashfs tree out -noappend -all-root", FILES),
    ("squashfs", "xz.sqfs", "mksquashfs tree out -noappend -all-root -comp xz", FILES),
    ("cramfs", "little.cramfs", "mkfs.cramfs tree out", FILES),
    ("fat", "fat12.img", "truncate -s 48K out; mkfs.vfat -F 12 -r 16 -R 1 -f 1 -s 1 out; mcopy -si out tree ::", FULL),
]  # fmt: skip
DAMAGED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("7z", "truncated.7z", "solid.7z", slice(0, 2000), ["truncated"]),
    ("7z", "damaged.7z", "solid.7z", (60, b"\0\0\0\0\0\0"), ["malformed"]),
    ("cab", "truncated.cab", "mszip.cab", slice(0, 2000), ["malformed"]),
    ("cab", "damaged.cab", "mszip.cab", (200, b"\0\0\0\0"), ["malformed"]),
    ("chm", "truncated.chm", "fpc.chm", slice(0, 8000), ["malformed"]),
    ("dmg", "damaged.dmg", "fat12.dmg", (200, bytes(100)), ["malformed"]),
    ("arj", "truncated.arj", "packed.arj", slice(0, 2000), ["truncated"]),
    ("lha", "truncated.lzh", "lh5.lzh", slice(0, 500), ["truncated"]),
    ("nsis", "truncated.nsis", "solid.nsis", slice(0, 2000), ["truncated"]),
    ("rpm", "truncated.rpm", "noarch.rpm", slice(0, 3000), ["malformed"]),
    ("xar", "damaged.xar", "two.xar", (40, b"\0\0\0\0"), ["malformed"]),
    ("wim", "damaged.wim", "lzx.wim", (48, b"\xff\xff\xff\xff"), ["malformed"]),
    ("squashfs", "truncated.sqfs", "gzip.sqfs", slice(0, 3000), ["malformed"]),
    ("cramfs", "truncated.cramfs", "little.cramfs", slice(0, 1500), ["truncated"]),
    ("fat", "truncated.img", "fat12.img", slice(0, 6000), ["truncated"]),
    ("rar", "truncated4.rar", "stored4.rar", slice(0, 2500), ["truncated"]),
    ("rar", "damaged5.rar", "stored5.rar", (30, b"\xff"), ["malformed"]),
]  # fmt: skip


def _run(command: str, folder: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "SOURCE_DATE_EPOCH": "1000000000", "SOURCE": str(folder)}
    subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environment | {"HOME": str(folder)}, check=True, capture_output=True
    )


def _make(form: str, name: str, command: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for path, content in TREE.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        (folder / "script.nsi").write_text(SCRIPT)
        (folder / "a.spec").write_text(SPEC)
        (folder / "p.hhp").write_text(PROJECT)
        _run(command, folder)
        _store(form, name, (folder / "out").read_bytes())


def _store(form: str, name: str, content: bytes) -> None:
    target = HERE / "golden" / form / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def rar4(members: dict[str, bytes]) -> bytes:
    """Return a RAR archive of version 4 with stored members."""

    def block(kind: int, flags: int, rest: bytes) -> bytes:
        head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head

    blocks = [b"Rar!\x1a\x07\x00", block(0x73, 0, bytes(6))]
    for name, content in members.items():
        numbers = (
            len(content),
            len(content),
            3,
            zlib.crc32(content),
            0x21 << 16,
            29,
            0x30,
            len(name.encode()),
            0o100644,
        )
        blocks += (block(0x74, 0x8000, struct.pack("<IIBIIBBHI", *numbers) + name.encode()), content)
    return b"".join([*blocks, block(0x7B, 0x4000, b"")])


def rar5(members: dict[str, bytes], flags: int = 0) -> bytes:
    """Return a RAR archive of version 5 with stored members; ``flags`` are added to those of each member."""

    def number(value: int) -> bytes:
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*out, value])

    def block(*fields: int | bytes) -> bytes:
        body = b"".join(number(field) if isinstance(field, int) else field for field in fields)
        head = number(len(body)) + body
        return struct.pack("<I", zlib.crc32(head)) + head

    blocks = [b"Rar!\x1a\x07\x01\x00", block(1, 0, 0)]
    for name, content in members.items():
        checksum = struct.pack("<I", zlib.crc32(content))
        size = len(content)
        fields = (2, 2 | flags, size, 4, size, 0o100644, checksum, 0, 1, len(name.encode()), name.encode())
        blocks += (block(*fields), content)
    return b"".join([*blocks, block(5, 0, 0)])


def xar(members: dict[str, bytes]) -> bytes:
    """Return a XAR archive: one member deflated, the others stored."""
    heap, entries = b"", []
    for number, (name, content) in enumerate(members.items()):
        packed = zlib.compress(content) if number == 0 else content
        style = "application/x-gzip" if number == 0 else "application/octet-stream"
        entries.append(
            f'<file id="{number + 1}"><name>{name}</name><type>file</type><data><length>{len(packed)}</length>'
            f"<offset>{len(heap)}</offset><size>{len(content)}</size>"
            f'<encoding style="{style}"/></data></file>'
        )
        heap += packed
    toc = f'<?xml version="1.0" encoding="UTF-8"?><xar><toc>{"".join(entries)}</toc></xar>'.encode()
    packed_toc = zlib.compress(toc)
    return struct.pack(">4sHHQQI", b"xar!", 28, 1, len(packed_toc), len(toc), 0) + packed_toc + heap


def _make_rpm() -> dict[str, str]:
    command = (
        "rpmbuild -bb --define '_topdir '$PWD/t --define '_binary_payload w9.gzdio' a.spec; cp t/RPMS/noarch/*.rpm out"
    )
    _make("rpm", "noarch.rpm", command)
    folder = (HERE / "golden/rpm").resolve()
    payload = subprocess.run(["sh", "-c", f"rpm2cpio {folder}/noarch.rpm"], capture_output=True, check=True).stdout
    assert TEXT in payload
    assert DATA in payload
    return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    golden: dict[str, object] = {}
    for form, name, command, members in NATIVE:
        _make(form, name, command)
        golden[f"{form}/{name}"] = {"type": form, "members": {n: _digest(c) for n, c in members.items()}}
    _make_rpm()
    golden["rpm/noarch.rpm"] = {"type": "rpm", "members": {}}
    for form, name, content in (
        ("rar", "stored4.rar", rar4(FULL)),
        ("rar", "stored5.rar", rar5(FULL)),
        ("xar", "two.xar", xar(FLAT)),
        ("dmg", "fat12.dmg", udif.dmg((HERE / "golden/fat/fat12.img").read_bytes())),
    ):
        _store(form, name, content)
        members = {"xar": FLAT, "dmg": {"0.Apple_FAT": (HERE / "golden/fat/fat12.img").read_bytes()}}.get(form, FULL)
        golden[f"{form}/{name}"] = {"type": form, "members": {n: _digest(c) for n, c in members.items()}}
    malformed: dict[str, object] = {}
    for form, name, origin, damage, problems in DAMAGED:
        content = (HERE / "golden" / form / origin).read_bytes()
        if isinstance(damage, slice):
            content = content[damage]
        else:
            at, patch = damage
            content = content[:at] + patch + content[at + len(patch) :]
        target = HERE / "malformed" / form / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        malformed[f"{form}/{name}"] = {"type": form, "problems": problems}
    for folder, added in (("golden", golden), ("malformed", malformed)):
        path = HERE / folder / "expected.json"
        text = json.dumps(
            json.loads(path.read_text(encoding="utf-8")) | added, indent=1, ensure_ascii=False, sort_keys=True
        )
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
