"""Makes the stored samples of packed programs: ``python -m tests.formats.make_packed``; needs ``upx`` and ``gcc``.

Beside ``make_golden``, because UPX is in no release of some distributions. The programs are our own and do nothing.
"""

import hashlib
import json
import struct
import subprocess
import tempfile
from pathlib import Path

from tests.formats.make_golden import HERE
from tests.formats.programs import Pe

CODE = b"".join(b"\x55\x89\xe5\xe8" + struct.pack("<i", 0x40 * n - 8) + b"\x83\xec\x10\xc9\xc3" for n in range(600))


def windows_program() -> bytes:
    """A 32-bit program with calls, one import by name and one by number, and text."""
    imports = struct.pack("<IIIII", 0, 0, 0, 0x3060, 0x3050) + bytes(20)
    imports = imports.ljust(0x50, b"\0")
    imports += struct.pack("<III", 0x3070, 0x80000007, 0) + bytes(4) + b"KERNEL32.DLL\0\0\0\0" + b"\0\0ExitProcess\0"
    text = b"All work and no play makes Jack a dull boy.\r\n" * 80
    program = Pe(
        sections=[
            (b".text", 0x2000, 0x1000, 0x2000, 0x400),
            (b".idata", 0x200, 0x3000, 0x200, 0x2400),
            (b".data", 0x1000, 0x4000, 0x1000, 0x2600),
        ],
        entry=0x1000,
        characteristics=0x103,
        directories={1: (0x3000, 40)},
        size=0x3600,
        content={0x400: CODE[:0x2000], 0x2400: imports.ljust(0x200, b"\0"), 0x2600: text.ljust(0x1000, b"\0")[:0x1000]},
    ).build()
    image = bytearray(program)
    struct.pack_into("<I", image, 88 + 4, 0x2000)  # size of code
    struct.pack_into("<III", image, 88 + 20, 0x1000, 0x3000, 0x400000)  # code, data, image
    struct.pack_into("<I", image, 88 + 56, 0x5000)  # size of image
    image[88 + 96 + 128 + 120 : 0x400] = bytes(0x400 - (88 + 96 + 128 + 120))
    return bytes(image)


LINUX = """
static const char text[30000] = "All work and no play makes Jack a dull boy.";
static int calls(int n) { return n ? calls(n - 1) + text[n] : 0; }
void _start(void) { for (volatile int i = 0;; i = calls(i)) ; }
"""

SAMPLES = [
    ("elf_inside/nrv2e.elf", "gcc -O0 -nostdlib -static -o in in.c && upx -qq --nrv2e -o out in"),
    ("elf_inside/lzma.elf", "gcc -O0 -nostdlib -static -o in in.c && upx -qq --lzma -o out in"),
    ("pe_inside/nrv2b.exe", "upx -qq -f --nrv2b -o out in"),
    ("pe_inside/lzma.exe", "upx -qq -f --lzma -o out in"),
]


def _make(command: str) -> tuple[bytes, bytes]:
    """Return a packed program and the same before it was packed."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.c").write_text(LINUX, "ascii")
        (Path(folder) / "in").write_bytes(windows_program())
        subprocess.run(["sh", "-ec", command], cwd=folder, check=True)
        return (Path(folder) / "out").read_bytes(), (Path(folder) / "in").read_bytes()


def _add(folder: str, entries: dict[str, object]) -> None:
    index = HERE / folder / "expected.json"
    known = json.loads(index.read_text("utf-8")) | entries
    index.write_text(json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


def main() -> None:
    golden: dict[str, object] = {}
    malformed: dict[str, object] = {}
    for name, command in SAMPLES:
        packed, original = _make(command)
        kind = name.partition("_")[0]
        for folder in ("golden", "malformed"):
            (HERE / folder / name).parent.mkdir(exist_ok=True)
        (HERE / "golden" / name).write_bytes(packed)
        golden[name] = {"type": kind, "members": {"unpacked": hashlib.sha256(original).hexdigest()}}
        at = packed.index(b"UPX!") + 64
        damaged = packed[:at] + bytes(byte ^ 0x5A for byte in packed[at : at + 64]) + packed[at + 64 :]
        (HERE / "malformed" / name).write_bytes(damaged)
        malformed[name] = {"type": kind, "problems": ["malformed"]}
    _add("golden", golden)
    _add("malformed", malformed)


if __name__ == "__main__":
    main()
