"""Freehold beside ``clamscan`` with the same ClamAV signatures on the same files, one core each.

    python bench/clamav.py DATABASE … [--work DIR] [--runs 5] [--only windows,libraries,small,start]

Needs Debian's ``clamav`` and ``libwine``. Prints a table in Markdown for docs/performance.md. Throughput has each
side's start taken off (the run on one small file), because a database of this size takes ``clamscan`` longer to load
than most folders to scan.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from measure import Run, median, run
from scan import small_files

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))
LIBRARIES = 650_000_000
PROGRAMS = 80_000_000


class Bench:
    """One database, compiled for Freehold and as it is for ``clamscan``."""

    def __init__(self, work: Path, sources: list[Path], runs: int) -> None:
        self.work = work
        self.runs = runs
        self.database = work / "database"
        self.bundle = work / "bundle"
        self.database.mkdir(exist_ok=True)
        for source in sources:
            link = self.database / source.name
            if not link.exists():
                link.symlink_to(source.resolve())
        self.build = run([FREEHOLD, "db", "build", str(self.database), "-o", str(self.bundle)])

    def both(self, target: Path, *, memory: bool = False) -> tuple[Run, Run]:
        """Return the medians of ``clamscan`` and of Freehold, measured in turns."""
        limits = ["--max-filesize=2000M", "--max-scansize=4000M", "--no-summary", "-i", "-r"]
        theirs = ["clamscan", "-d", str(self.database), *limits, str(target)]
        ours = [FREEHOLD, "scan", "--format", "jsonl", "--jobs", "1", "--database", str(self.bundle), str(target)]
        results: tuple[list[Run], list[Run]] = ([], [])
        for _ in range(self.runs):
            results[0].append(run(theirs, core=0, memory=memory))
            results[1].append(run(ours, core=0, memory=memory))
        return median(results[0]), median(results[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, nargs="+", help="signature files")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "freehold-bench-clamav")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="start,windows,libraries,small")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(args.work, args.database, args.runs)
    one = args.work / "one-small-file"
    one.write_text("a small file\n")
    base = bench.both(one, memory=True)
    print("| what | `clamscan` | Freehold | ratio |\n|---|---|---|---|")
    print(f"| compile once | | {bench.build.wall:.1f} s | |", flush=True)
    wanted = args.only.split(",")
    if "start" in wanted:
        for row in start(base):
            print(row, flush=True)
    for name, fill in (("windows", windows), ("libraries", libraries), ("small", small)):
        if name in wanted:
            folder = args.work / name
            fill(folder)
            print(throughput(bench, folder, base), flush=True)


def start(base: tuple[Run, Run]) -> Iterable[str]:
    theirs, ours = base
    for what, one, other in (("CPU", theirs.cpu, ours.cpu), ("wall", theirs.wall, ours.wall)):
        yield f"| start, one small file, {what} | {one:.3f} s | {other:.3f} s | {one / other:.0f} x |"
    one, other = theirs.pss / 1e6, ours.pss / 1e6
    yield f"| memory (PSS, all processes) | {one:.0f} MB | {other:.0f} MB | {one / max(other, 1):.1f} x |"


def throughput(bench: Bench, folder: Path, base: tuple[Run, Run]) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    seconds = [max(r.cpu - b.cpu, 1e-9) for r, b in zip(bench.both(folder), base, strict=True)]
    rates = [f"{size / each / 1e6:.1f} MB/s, {each / len(files) * 1e3:.2f} ms a file" for each in seconds]
    what = f"{folder.name}: {len(files)} files, {size / 1e6:.0f} MB, CPU without start"
    return f"| {what} | {rates[0]} | {rates[1]} | {seconds[0] / seconds[1]:.1f} x |"


def windows(folder: Path) -> None:
    """Windows programs of Debian's libwine, chosen at random but always alike."""
    _copies(folder, sorted(Path("/usr/lib").glob("*/wine/*-windows/*.dll")), PROGRAMS)


def libraries(folder: Path) -> None:
    """Shared libraries and tools of the machine."""
    found = [p for root in ("/usr/lib/x86_64-linux-gnu", "/usr/bin") for p in Path(root).iterdir()]
    _copies(folder, sorted(p for p in found if p.is_file() and not p.is_symlink()), LIBRARIES)


def small(folder: Path) -> None:
    """Small files of all kinds."""
    small_files(folder, 5_000)


def _copies(folder: Path, paths: list[Path], size: int) -> None:
    if folder.exists():
        return
    folder.mkdir()
    random.Random(3).shuffle(paths)  # noqa: S311 - no secret
    for number, path in enumerate(paths):
        if size <= 0:
            return
        shutil.copyfile(path, folder / f"{number:05d}")
        size -= os.stat(path).st_size  # noqa: PTH116 - once for each file


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(str(error))
