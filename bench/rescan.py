"""First scan against rescan of an unchanged tree, and the rate at which process memory is scanned.

    python bench/rescan.py [--tree /usr/share] [--runs 3] [--only rescan,memory]

One core, the core pack, page cache warm, a memory of verdicts of its own. Files that changed within the last minute
are not remembered, so take a tree that rests. Prints a table in Markdown for docs/performance.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Run, median, run

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=Path("/usr/share"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="rescan,memory")
    args = parser.parse_args()
    print("| what | |\n|---|---|")
    for name in args.only.split(","):
        for what, value in MEASUREMENTS[name](args):
            print(f"| {what} | {value} |", flush=True)


def rescan(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        empty = Path(cache, "empty")
        empty.mkdir()
        scan(empty)  # compiles the core pack
        start = median([scan(empty) for _ in range(args.runs)])
        count = int(
            subprocess.run(
                ["find", args.tree, "-type", "f", "-printf", "x"], capture_output=True, check=True
            ).stdout.count(b"x")
        )
        first = scan(args.tree)
        again = median([scan(args.tree) for _ in range(args.runs)])
        table = next(Path(cache).rglob("verdicts")).stat().st_size
    yield f"first scan of {count:,} files in {args.tree}", f"{first.wall:.1f} s"
    yield "the same again", f"{again.wall:.2f} s, {first.wall / again.wall:.0f} x"
    yield "rescan, CPU with the start taken off", f"{count / max(again.cpu - start.cpu, 1e-9):,.0f} files/s"
    yield "size of the memory", f"{table / 1e6:.1f} MB"


def memory(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """A process with up to 2 GiB of private memory that holds programs, so that there is something to match."""
    source = (
        "import pathlib, sys\n"
        "held = bytearray()\n"
        "for path in sorted(pathlib.Path('/usr/bin').iterdir()):\n"
        "    held += path.read_bytes() if path.is_file() and len(held) < 1 << 31 else b''\n"
        "print(len(held), flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        size = int(process.stdout.readline())
        pid = str(process.pid)
        scan("--memory", pid)
        start = median([scan("/etc/hostname") for _ in range(args.runs)])
        one = median([scan("--memory", pid) for _ in range(args.runs)])
        every = median([run([FREEHOLD, "scan", "--quiet", "--memory", pid]) for _ in range(args.runs)])
        copying = median([run([sys.executable, "-c", COPY, pid], core=0) for _ in range(args.runs)])
        process.kill()
    yield (
        f"memory of a process, {size >> 20} MiB of programs, one core",
        f"{size / (one.wall - start.wall) / 1e9:.2f} GB/s",
    )
    yield "the same, all cores", f"{size / (every.wall - start.wall) / 1e9:.2f} GB/s"
    yield "copying alone", f"{size / copying.wall / 1e9:.2f} GB/s"


COPY = (
    "import os, sys; from freehold.service.process_memory import entries\n"
    "for entry in entries([int(sys.argv[1])], named=True): os.close(entry.fd)"
)


def scan(*options: Path | str) -> Run:
    return run([FREEHOLD, "scan", "--jobs", "1", "--quiet", *map(str, options)], core=0)


MEASUREMENTS = {"rescan": rescan, "memory": memory}

if __name__ == "__main__":
    main()
