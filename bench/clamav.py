"""Freehold beside ClamAV with the same signatures on the same files: start, memory, throughput, all cores.

    python bench/clamav.py main.ldb main.hdb daily.hsb
    python bench/clamav.py main.ldb main.hdb daily.hsb --full full/ --runs 5
    python bench/clamav.py main.ldb --only start,windows --runs 1

Needs Debian's clamav, clamav-daemon (for "cores") and libwine; LibreOffice and whatever else brings documents is used
where it is installed. The files are copies of what the machine has, chosen at random but always alike, and stay in
--work for the next time. One core each and a warm cache, except where all cores are compared. CPU seconds are those of
all processes. Throughput has each side's start taken off (the run on one small file), because a database of this size
takes clamscan longer to load than most folders to scan. Prints tables in Markdown for docs/performance.md.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import clamd
from measure import Run, median, run
from scan import small_files

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))
LIBRARIES = 650_000_000
PROGRAMS = 80_000_000
DOCUMENTS = 20_000_000
DOCUMENT_SUFFIXES = frozenset(
    {".pdf", ".doc", ".docx", ".docm", ".xls", ".xlsx", ".xlsm", ".ppt", ".pptx", ".rtf", ".chm", ".jar", ".epub"}
    | {".odt", ".ods", ".odp", ".ott", ".ots", ".otp", ".otg"}
)
LIMITS = ["--max-filesize=2000M", "--max-scansize=4000M", "--no-summary", "-i", "-r"]


class Bench:
    """One set of signatures, compiled for Freehold and as it is for ClamAV."""

    def __init__(self, work: Path, name: str, sources: list[Path], runs: int) -> None:
        self.work = work
        self.runs = runs
        self.database = work / f"{name}.database"
        self.bundle = work / f"{name}.fhdb"
        self.database.mkdir(exist_ok=True)
        for source in sources:
            link = self.database / source.name
            if not link.exists():
                link.symlink_to(source.resolve())
        self.build = run([FREEHOLD, "db", "build", str(self.database), "-o", str(self.bundle)])

    def both(self, target: Path, *, memory: bool = False, runs: int | None = None) -> tuple[Run, Run]:
        """Return the medians of ``clamscan`` and of Freehold on one core, measured in turns."""
        theirs = ["clamscan", "-d", str(self.database), *LIMITS, str(target)]
        ours = [FREEHOLD, "scan", "--no-cache", "--format", "jsonl", "--jobs", "1", "--database", str(self.bundle)]
        ours.append(str(target))
        results: tuple[list[Run], list[Run]] = ([], [])
        for _ in range(runs or self.runs):
            results[0].append(_ended(run(theirs, core=0, memory=memory), theirs))
            results[1].append(_ended(run(ours, core=0, memory=memory), ours))
        return median(results[0], "cpu"), median(results[1], "cpu")


def _ended(measured: Run, command: list[str]) -> Run:
    """Refuse a run that did not come to its end: clean, infected and incomplete are ends, everything else is none."""
    if not 0 <= measured.status <= 2:
        raise subprocess.CalledProcessError(measured.status, command)
    return measured


def main() -> None:
    args = _arguments()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its compiled code; a checkout shall, too
    args.work.mkdir(parents=True, exist_ok=True)
    small = args.work / "one-small-file"
    small.write_text("a small file\n")
    sets = [("given", args.database)]
    if args.full:
        sets.append(("full", sorted(path for path in args.full.iterdir() if path.is_file())))
    for name, sources in sets:
        bench = Bench(args.work, name, sources, args.runs)
        print(f"\n{', '.join(path.name for path in sources)}: {_signatures(bench.bundle)} signatures, ", end="")
        print(f"median of {args.runs}\n\n| what | ClamAV | Freehold | ratio |\n|---|---|---|---|")
        print(f"| compile once | | {bench.build.wall:.1f} s, {bench.build.cpu:.1f} s of CPU | |", flush=True)
        for row in rows(bench, small, args.only.split(",")):
            print(f"| {' | '.join(row)} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, nargs="+", help="ClamAV signature files")
    parser.add_argument("--full", type=Path, metavar="FOLDER", help="a second set of signature files")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "freehold-bench-clamav")
    parser.add_argument("--runs", type=int, default=5, help="of which the median counts (default: %(default)s)")
    parser.add_argument("--only", default="start,memory,windows,libraries,small,cores", help="default: %(default)s")
    args = parser.parse_args()
    if unknown := set(args.only.split(",")) - {"start", "memory", "cores", *FOLDERS}:
        parser.error(f"--only knows start, memory, cores, {', '.join(FOLDERS)}; not {', '.join(sorted(unknown))}")
    if missing := [str(path) for path in args.database if not path.is_file()]:
        parser.error(f"no such file: {', '.join(missing)}")
    return args


def _signatures(bundle: Path) -> str:
    shown = subprocess.run([FREEHOLD, "db", "info", str(bundle)], check=True, capture_output=True, text=True).stdout
    return shown.partition("\n")[0].split()[-2]


def rows(bench: Bench, small_file: Path, wanted: list[str]) -> Iterator[list[str]]:
    """Measure what is wanted, a row each."""
    bench.both(small_file, runs=1)  # fills the page cache
    base = bench.both(small_file)
    if "start" in wanted:
        yield from start(base)
    if "memory" in wanted:
        yield from memory(bench, small_file)
    for name, fill in FOLDERS.items():
        if name in wanted:
            yield throughput(bench, _filled(bench.work / name, fill), base)
    if "cores" in wanted:
        for name, fill in FOLDERS.items():
            yield all_cores(bench, _filled(bench.work / name, fill))


def start(base: tuple[Run, Run]) -> Iterable[list[str]]:
    theirs, ours = base
    for what, one, other in (("CPU", theirs.cpu, ours.cpu), ("wall", theirs.wall, ours.wall)):
        yield [f"start, one small file, {what}", f"{one:.3f} s", f"{other:.3f} s", f"{one / other:.1f} x"]


def memory(bench: Bench, small_file: Path) -> Iterable[list[str]]:
    for what, target in (("one small file", small_file), ("windows", _filled(bench.work / "windows", windows))):
        theirs, ours = bench.both(target, memory=True, runs=1)
        one, other = theirs.pss / 1e6, ours.pss / 1e6
        yield [f"peak PSS of all processes, {what}", f"{one:.0f} MB", f"{other:.0f} MB", f"{one / max(other, 1):.1f} x"]


def throughput(bench: Bench, folder: Path, base: tuple[Run, Run]) -> list[str]:
    count, size = _measured(folder)
    seconds = [max(r.cpu - b.cpu, 1e-9) for r, b in zip(bench.both(folder), base, strict=True)]
    rates = [f"{size / each / 1e6:.1f} MB/s, {each / count * 1e3:.2f} ms a file" for each in seconds]
    what = f"{folder.name}: {count} files, {size / 1e6:.0f} MB, CPU on one core, without start"
    return [what, *rates, f"{seconds[0] / seconds[1]:.1f} x"]


def all_cores(bench: Bench, folder: Path) -> list[str]:
    """``clamdscan --fdpass --multiscan`` with a running ``clamd`` beside a pool of Freehold's that is running."""
    count, size = _measured(folder)
    with clamd.running(bench.database, bench.work) as daemon:
        theirs = sorted(daemon.scan(folder) for _ in range(bench.runs))[bench.runs // 2]
    ours = sorted(clamd.pool_scan(bench.bundle, folder) for _ in range(bench.runs))[bench.runs // 2]
    rates = [f"{size / each / 1e6:.1f} MB/s" for each in (theirs, ours)]
    cores = len(os.sched_getaffinity(0))
    return [f"{folder.name}: {count} files, wall on {cores} cores, both running", *rates, f"{theirs / ours:.1f} x"]


def _measured(folder: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def windows(folder: Path) -> None:
    """Windows programs of Debian's libwine, and documents of all packages."""
    programs = [path for kind in ("dll", "exe") for path in Path("/usr/lib").glob(f"*/wine/*-windows/*.{kind}")]
    _copy(folder, sorted(programs), PROGRAMS)
    roots = (Path("/usr/lib"), Path("/usr/share"))
    found = (p for root in roots for p in root.rglob("*") if p.suffix.lower() in DOCUMENT_SUFFIXES)
    _copy(folder, sorted(p for p in found if p.is_file() and not p.is_symlink()), DOCUMENTS)


def libraries(folder: Path) -> None:
    """Shared libraries and tools of the machine."""
    found = [p for root in ("/usr/lib/x86_64-linux-gnu", "/usr/bin") for p in Path(root).iterdir()]
    _copy(folder, sorted(p for p in found if p.is_file() and not p.is_symlink()), LIBRARIES)


def small(folder: Path) -> None:
    """Small files of all kinds."""
    small_files(folder, 5_000)


FOLDERS: dict[str, Callable[[Path], None]] = {"windows": windows, "libraries": libraries, "small": small}


def _filled(folder: Path, fill: Callable[[Path], None]) -> Path:
    if not folder.exists():
        fill(folder)
    return folder


def _copy(folder: Path, paths: list[Path], size: int) -> None:
    folder.mkdir(exist_ok=True)
    random.Random(3).shuffle(paths)  # noqa: S311 - no secret
    first = len(list(folder.iterdir()))
    for number, path in enumerate(paths, first):
        if size <= 0:
            return
        shutil.copyfile(path, folder / f"{number:05d}")
        size -= os.stat(path).st_size  # noqa: PTH116 - once for each file


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError, clamd.NotRunning) as error:
        sys.exit(str(error))
