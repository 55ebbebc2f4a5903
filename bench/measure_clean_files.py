"""Measure which bytes are common in clean files; makes ``bigrams.bin`` and ``common.bloom`` for ``signatures.atoms``.

    python bench/measure_clean_files.py --output src/freehold/signatures [--programs DIR …] [--files DIR …]

Needs numpy, Debian's ``libwine`` for Windows programs, and some gigabytes of memory. ``bigrams.bin`` holds for each
pair of bytes, first byte times 256 plus second, how surprising the second is after the first, in eighths of a bit.
``common.bloom`` is a Bloom filter of 2^23 bits with two bits for each run of eight bytes that ``SHARED`` or more files
of one group have in common.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SHARED = 8
"""In so many files of a group a run of bytes must occur to count as common."""

PIECE = 1_500_000
"""Bytes of each file that are looked at."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
PARTITIONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--programs", type=Path, nargs="*", default=[Path("/usr/lib/x86_64-linux-gnu/wine")])
    parser.add_argument(
        "--binaries", type=Path, nargs="*", default=[Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/bin")]
    )
    parser.add_argument("--texts", type=Path, nargs="*", default=[Path("/usr/lib/python3"), Path("/usr/share")])
    args = parser.parse_args()
    groups = [
        chosen(args.programs, 300, b"MZ"),
        chosen(args.binaries, 300, b"\x7fELF"),
        chosen(args.texts, 1_500, b""),
    ]
    (args.output / "bigrams.bin").write_bytes(bigrams(groups))
    (args.output / "common.bloom").write_bytes(bloom(np.concatenate([shared(group) for group in groups])))


def chosen(folders: Sequence[Path], count: int, magic: bytes) -> list[bytes]:
    """Return the beginnings of files, chosen at random but always alike."""
    found = sorted(p for f in folders for p in f.rglob("*") if p.is_file() and not p.is_symlink())
    random.Random(5).shuffle(found)  # noqa: S311 - no secret
    contents = []
    for path in found:
        with path.open("rb") as file:
            data = file.read(PIECE)
        if len(data) > 2_000 and data.startswith(magic) and not data.startswith((b"\x1f\x8b", b"\x89PNG")):
            contents.append(data)
        if len(contents) == count:
            break
    return contents


def bigrams(groups: Sequence[Sequence[bytes]]) -> bytes:
    total = np.zeros((256, 256))
    for data in (data for group in groups for data in group):
        values = np.frombuffer(data, dtype=np.uint8).astype(np.uint16)
        counts = np.bincount(values[:-1] << 8 | values[1:], minlength=65_536).reshape(256, 256)
        total += counts / counts.sum()
    unseen = total.sum() * 1e-9
    surprise = -np.log2((total + unseen) / (total.sum(axis=1, keepdims=True) + 256 * unseen))
    return np.minimum(np.rint(surprise * 8), 255).astype(np.uint8).tobytes()


def shared(contents: Sequence[bytes]) -> np.ndarray:
    """Return the runs of eight bytes, big-endian, that ``SHARED`` contents have."""
    partitions: list[list[np.ndarray]] = [[] for _ in range(PARTITIONS)]
    for data in contents:
        runs = [np.frombuffer(data[at : len(data) - (len(data) - at) % 8], dtype=">u8") for at in range(8)]
        unique = np.unique(np.concatenate(runs).astype(np.uint64))
        partition = unique * MULTIPLIER >> np.uint64(62)
        for number, part in enumerate(partitions):
            part.append(unique[partition == number])
    common = []
    for part in partitions:
        ordered = np.sort(np.concatenate(part))
        common.append(np.unique(ordered[np.flatnonzero(ordered[SHARED - 1 :] == ordered[: len(ordered) - SHARED + 1])]))
    return np.concatenate(common)


def bloom(runs: np.ndarray) -> bytes:
    mixed = np.unique(runs) * MULTIPLIER
    bits = np.zeros(1 << 23, dtype=np.uint8)
    bits[(mixed >> np.uint64(41)).astype(np.int64)] = 1
    bits[(mixed >> np.uint64(18) & np.uint64((1 << 23) - 1)).astype(np.int64)] = 1
    return np.packbits(bits, bitorder="little").tobytes()


if __name__ == "__main__":
    main()
