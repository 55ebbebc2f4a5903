"""Unpacking: Freehold beside ``clamscan``, and beside ``7z t`` and ``bsdtar -tf`` where they apply.

    python bench/unpack.py --scale 0.05             a look, in a minute or two
    python bench/unpack.py --runs 3                 the whole table (makes 4 GB of archives, which stay in --work)
    python bench/unpack.py --only zip,pdf --scale 1

Both scanners read one signature, the hash of a marker that lies behind everything else in each archive: whoever reports
it has unpacked all of it, and whoever does not is marked with "not found" and left out of the sum. Both go on after it.
One core each, in turns, page cache warm. CPU seconds are those of all processes, start included (Freehold's with its
sandbox); the rate counts packed bytes. Memory is the peak PSS of the largest process.

Needs Debian's clamav, p7zip-full (or 7zip), libarchive-tools, libgsf-bin, qpdf, xorriso and dpkg. Prints a table in
Markdown for docs/performance.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import wrapped
from measure import Run, median, run

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))
TOOLS = ("clamscan", "7z", "bsdtar", "gsf", "qpdf", "xorriso", "dpkg-deb", "taskset")
MB = 1_000_000
THEIR_LIMITS = ["--max-filesize=2000M", "--max-scansize=4000M", "--max-files=1000000", "--max-scantime=3600000"]
OUR_LIMITS = ["--max-unpacked", "16G", "--max-artifacts", "1000000", "--timeout", "3600"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: is measured, at full size.
        make: fills a path with so much of it.
        amount: bytes of content, or documents.
        suffix: of the file; "" for a folder of files.
        peer: another program that reads it to its end, without the path.
    """

    what: str
    make: Callable[[Path, int], None]
    amount: int
    suffix: str
    peer: tuple[str, ...] = ()


ROWS = {
    "zip": Row("zip of 10,000 small files", wrapped.small_zip, 55 * MB, ".zip", ("7z", "t", "-mmt=off")),
    "tar": Row("tar.gz, 1 GB", wrapped.tar_gz, 1_000 * MB, ".tar.gz", ("bsdtar", "-tf")),
    "7z": Row("7z, 500 MB", wrapped.seven, 500 * MB, ".7z", ("7z", "t", "-mmt=off")),
    "pdf": Row("PDF files, 200 MB", wrapped.pdfs, 200 * MB, ""),
    "office": Row("1,000 Office documents", wrapped.office, 1_000, ""),
    "iso": Row("ISO image of files, 650 MB", wrapped.iso, 650 * MB, ".iso", ("bsdtar", "-tf")),
    "oci": Row("OCI image of four layers, 2 GB", wrapped.oci, 2_000 * MB, ".tar", ("bsdtar", "-tf")),
    "deb": Row("ISO image of Debian packages, 650 MB", wrapped.debs, 650 * MB, ".iso"),
}


def main() -> None:
    args = _arguments()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its compiled code; a checkout shall, too
    args.work.mkdir(parents=True, exist_ok=True)
    database = args.work / "marker.hdb"
    database.write_text(wrapped.hash_signature())
    bundle = args.work / "marker.fhdb"
    subprocess.run([FREEHOLD, "db", "build", str(database), "-o", str(bundle)], check=True, stdout=subprocess.DEVNULL)
    print(f"scale {args.scale:g}, {'one run' if args.runs == 1 else f'median of {args.runs} runs'}\n")
    print(
        "| what | packed | `clamscan` | Freehold | ratio | memory: `clamscan`, Freehold | other |\n" + "|---" * 7 + "|"
    )
    sums = [0.0, 0.0]
    for name in args.only.split(","):
        theirs, ours, line = measured(ROWS[name], made(name, args.work, args.scale), database, bundle, args.runs)
        if _found(theirs) and _found(ours):
            sums = [sums[0] + theirs.cpu, sums[1] + ours.cpu]
        print(f"| {' | '.join(line)} |", flush=True)
    ratio = f"{sums[0] / sums[1]:.1f} x" if sums[1] else ""
    print(f"| sum of what both unpacked | | {sums[0]:.2f} s | {sums[1]:.2f} s | {ratio} | | |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of the amounts that the table names (default: 1)")
    parser.add_argument("--runs", type=int, default=1, help="of which the median counts (default: %(default)s)")
    parser.add_argument("--only", default=",".join(ROWS), metavar="ROW,…", help="default: %(default)s")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "freehold-bench-unpack")
    args = parser.parse_args()
    if unknown := set(args.only.split(",")) - ROWS.keys():
        parser.error(f"--only knows {', '.join(ROWS)}; not {', '.join(sorted(unknown))}")
    if not 0.001 <= args.scale <= 1:
        parser.error("--scale is between 0.001 and 1: clamscan cannot read more than 2 GB of a file")
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        parser.error(f"not installed: {', '.join(missing)}; --help says which packages have them")
    return args


def made(name: str, work: Path, scale: float) -> Path:
    """Return the archive or the folder of a row, made now where it does not lie there from the last time."""
    row = ROWS[name]
    target = work / f"{name}-{scale:g}{row.suffix}"
    if not target.exists():
        unfinished = target.with_name(f"unfinished-{target.name}")
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)
        row.make(unfinished, int(row.amount * scale))
        unfinished.rename(target)
    return target


def measured(row: Row, target: Path, database: Path, bundle: Path, runs: int) -> tuple[Run, Run, list[str]]:
    """Measure both scanners and the other program; returns the first two runs and the line of the table."""
    theirs = ["clamscan", "-d", str(database), *THEIR_LIMITS, "--allmatch", "--no-summary", "-i", "-r"]
    theirs.append(str(target))
    ours = [FREEHOLD, "scan", "--no-cache", "--no-history", "--all-matches", "--format", "jsonl", "--jobs", "1"]
    ours += [*OUR_LIMITS, "--database", str(bundle), str(target)]
    results: tuple[list[Run], list[Run]] = ([], [])
    for _ in range(runs):
        for command, kept in zip((theirs, ours), results, strict=True):
            kept.append(run(command, memory=True, core=0, output=True))
    one, other = median(results[0], "cpu"), median(results[1], "cpu")
    peer = run([*row.peer, str(target)], core=0) if row.peer else None
    ratio = f"{one.cpu / other.cpu:.1f} x" if _found(one) and _found(other) else ""
    size = sum(p.stat().st_size for p in (target.rglob("*") if target.is_dir() else [target]) if p.is_file())
    line = [row.what, f"{size / MB:.0f} MB", _shown(one, size), _shown(other, size), ratio]
    line.append(f"{one.largest / MB:.0f} MB, {other.largest / MB:.0f} MB")
    return one, other, [*line, f"`{' '.join(row.peer[:2])}` {peer.cpu:.2f} s" if peer else ""]


def _shown(measured: Run, size: int) -> str:
    return f"{measured.cpu:.2f} s, {size / measured.cpu / MB:.0f} MB/s{'' if _found(measured) else ', not found'}"


def _found(measured: Run) -> bool:
    """Whether the marker was reported; a folder of documents has it in the last one."""
    return "Bench.Marker" in measured.output


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
