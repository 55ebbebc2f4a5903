"""Freehold beside ``clamscan``: start, small files, large files, all cores, memory.

    python bench/scan.py [--work DIR] [--runs 5] [--only start,small,large,cores,memory]

Needs Debian's ``clamav``. Both read the same signatures: a generated ``.hdb`` of 82,000 entries, so that neither side
has a database that the other lacks; Freehold's own core pack is measured beside it, without a peer. Prints a table in
Markdown for docs/performance.md. The files are copies of what is installed on the machine, the same for both.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from measure import Run, median, run

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "freehold-bench")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="start,small,large,cores,memory")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    database = hash_database(args.work / "bench.hdb")
    subprocess.run([FREEHOLD, "db", "build", str(database), "-o", str(args.work / "bench.bundle")], check=True)
    print("| what | `clamscan` | Freehold | ratio | Freehold, core pack |\n|---|---|---|---|---|", flush=True)
    for name in args.only.split(","):
        for row in MEASUREMENTS[name](args.work, args.runs):
            print("| " + " | ".join(row) + " |", flush=True)


def hash_database(path: Path) -> Path:
    rng = random.Random(7)  # noqa: S311 - no secret: the same signatures every time
    lines = (f"{rng.randbytes(16).hex()}:{rng.randint(200, 3_000_000)}:Bench.Hash-{i}" for i in range(82_000))
    path.write_text("\n".join(lines) + "\n")
    return path


def clamscan(work: Path, target: Path) -> list[str]:
    limits = ["--max-filesize=2000M", "--max-scansize=4000M", "--no-summary", "-i", "-r"]
    return ["clamscan", "-d", str(work / "bench.hdb"), *limits, str(target)]


def freehold(target: Path, *options: str) -> list[str]:
    return [FREEHOLD, "scan", "--no-cache", "--format", "jsonl", *options, str(target)]


def same(work: Path) -> list[str]:
    return ["--database", str(work / "bench.bundle")]


def three(work: Path, runs: int, target: Path, *, core: int | None = 0) -> tuple[Run, Run, Run]:
    """Measure clamscan, Freehold with its signatures and Freehold with the core pack, in turns."""
    jobs = ["--jobs", "1"] if core is not None else []
    results: list[list[Run]] = [[], [], []]
    for _ in range(runs):
        results[0].append(run(clamscan(work, target), core=core))
        results[1].append(run(freehold(target, *same(work), *jobs), core=core))
        results[2].append(run(freehold(target, *jobs), core=core))
    return median(results[0]), median(results[1]), median(results[2])


def start(work: Path, runs: int) -> Iterable[list[str]]:
    small = work / "one-small-file"
    small.write_text("a small file\n")
    peer, mine, core = three(work, runs, small)
    yield row("start, one small file, CPU", peer.cpu, mine.cpu, core.cpu, "{:.3f} s")
    yield row("start, one small file, wall", peer.wall, mine.wall, core.wall, "{:.3f} s")


def small(work: Path, runs: int) -> Iterable[list[str]]:
    folder = work / "small"
    count = small_files(folder, 5_000)
    empty = work / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "file").write_text("x" * 100)
    base = three(work, runs, empty)
    full = three(work, runs, folder)
    peer, mine, core = (max(f.wall - b.wall, 1e-9) / count * 1000 for f, b in zip(full, base, strict=True))
    yield row(f"{count} small files, one core, each, start taken off", peer, mine, core, "{:.3f} ms")


def large(work: Path, runs: int) -> Iterable[list[str]]:
    folder = work / "large"
    size = large_files(folder)
    peer, mine, core = three(work, runs, folder)
    yield row(
        f"large files, {size >> 20} MiB in 12, one core, rate",
        *(size / r.wall / 1e6 for r in (peer, mine, core)),
        "{:.0f} MB/s",
        larger_is_better=True,
    )


def cores(work: Path, runs: int) -> Iterable[list[str]]:
    folder = work / "small"
    small_files(folder, 5_000)
    large_files(folder / "large")
    one = median([run(freehold(folder, "--jobs", "1"), core=0) for _ in range(runs)])
    every = median([run(freehold(folder)) for _ in range(runs)])
    count = len(os.sched_getaffinity(0))
    yield [f"{count} cores against one", "", "", "", f"{one.wall / every.wall:.2f} x"]


def memory(work: Path, _runs: int) -> Iterable[list[str]]:
    folder = work / "large"
    large_files(folder)
    peer = run(clamscan(work, folder), memory=True)
    mine = run(freehold(folder, *same(work)), memory=True)
    core = run(freehold(folder), memory=True)
    yield row("peak PSS, all processes", peer.pss / 1e6, mine.pss / 1e6, core.pss / 1e6, "{:.0f} MB")
    huge = work / "huge"
    with huge.open("wb") as file:
        file.truncate(6 << 30)
    whole = run(freehold(huge), memory=True)
    huge.unlink()
    yield [
        "a file of 6 GiB, all cores: peak PSS, rate",
        "",
        "",
        "",
        f"{whole.pss / 1e6:.0f} MB, {6.44e3 / whole.wall:.0f} MB/s",
    ]


MEASUREMENTS = {"start": start, "small": small, "large": large, "cores": cores, "memory": memory}


def row(what: str, peer: float, mine: float, core: float, form: str, *, larger_is_better: bool = False) -> list[str]:
    ratio = mine / peer if larger_is_better else peer / mine
    return [what, form.format(peer), form.format(mine), f"{ratio:.1f} x", form.format(core)]


def small_files(folder: Path, count: int) -> int:
    """Fill a folder with copies of small installed files (1 to 20 KB), the first in the order of their hash."""
    if not folder.exists():
        found = {
            hashlib.sha256(str(p).encode()).digest(): p
            for root in ("/usr/share/doc", "/usr/lib/python3", "/usr/include", "/usr/bin", "/etc")
            for p in Path(root).rglob("*")
            if p.is_file() and not p.is_symlink() and p.suffix != ".gz" and 1_000 <= p.stat().st_size <= 20_000
        }
        folder.mkdir()
        for i, digest in enumerate(sorted(found)[:count]):
            shutil.copyfile(found[digest], folder / f"{i:05d}")
    return sum(1 for p in folder.iterdir() if p.is_file())


def large_files(folder: Path) -> int:
    """Fill a folder with the largest programs and libraries of the machine; return the bytes."""
    if not folder.exists():
        found = [p for p in Path("/usr").rglob("*") if p.is_file() and not p.is_symlink() and _is_elf(p)]
        folder.mkdir()
        for i, path in enumerate(sorted(found, key=lambda p: (-p.stat().st_size, p))[:12]):
            shutil.copyfile(path, folder / f"{i:02d}")
    return sum(p.stat().st_size for p in folder.iterdir())


def _is_elf(path: Path) -> bool:
    if path.stat().st_size < 8 << 20:
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


if __name__ == "__main__":
    main()
