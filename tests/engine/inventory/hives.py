"""Makes hives of Windows' registry: an empty one by hand, and what is in it by hivexsh."""

import struct
import subprocess
from pathlib import Path


def empty() -> bytes:
    """Return a hive with nothing but its root, as the format's specification describes it."""
    none = 0xFFFFFFFF
    security = 32 + 88
    fields = [0, 0, 0, 0, none, none, 0, none, security, none, 0, 0, 0, 0, 0]
    root = struct.pack("<2sHQ15IHH", b"nk", 0x2C, 0, *fields, 4, 0) + b"ROOT"
    rights = struct.pack("<2sHIIII", b"sk", 0, security, security, 1, 20) + struct.pack(
        "<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0
    )
    cells = b"".join(struct.pack("<i", -(len(cell) + 4)) + cell for cell in (root.ljust(84, b"\0"), rights))
    cells += struct.pack("<i", 4096 - 32 - len(cells)).ljust(4096 - 32 - len(cells), b"\0")
    bins = struct.pack("<4sIIQQI", b"hbin", 0, 4096, 0, 0, 0) + cells
    head = struct.pack("<4sIIQIIIIIII", b"regf", 1, 1, 0, 1, 3, 0, 1, 32, 4096, 1).ljust(508, b"\0")
    checksum = 0
    for (word,) in struct.iter_unpack("<I", head):
        checksum ^= word
    return (head + struct.pack("<I", checksum)).ljust(4096, b"\0") + bins


def make(path: Path, keys: dict[str, dict[str, str]]) -> bytes:
    """Return a hive with these keys (``A\\B``) and their values, written as hivexsh(1) says."""
    path.write_bytes(empty())
    made = {""}
    lines = []
    for key, content in keys.items():
        parts = key.split("\\")
        for depth, part in enumerate(parts):
            if "\\".join(parts[: depth + 1]) not in made:
                made.add("\\".join(parts[: depth + 1]))
                lines += ["cd \\" + "\\".join(parts[:depth]), f"add {part}"]
        lines += [f"cd \\{key}", f"setval {len(content)}"]
        lines += [line for name, value in content.items() for line in (name, value)]
    done = subprocess.run(
        ["hivexsh", "-w", path],
        input="\n".join([*lines, "commit", "quit", ""]).encode(),
        capture_output=True,
        check=True,
    )
    assert not done.stderr, done.stderr
    return path.read_bytes()
