"""How much a build in the foreground is slowed down by a scan in the background.

    python bench/manners.py [--runs 3] [--tree /usr/share]

The build compiles generated C files with ``make`` on all cores; the scan runs over and over, without its
memory of verdicts. Alone, beside a plain scan and beside a polite one in turns. Needs gcc and make. On a machine with
other work the figures mean little: look at how far the runs differ.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FREEHOLD = shutil.which("freehold") or str(Path(sys.executable).with_name("freehold"))

BACKGROUND = {
    "alone": None,
    "beside a scan": [],
    "beside a scan --io-idle": ["--io-idle"],
    "beside a scan --io-idle --cpu-limit 50": ["--io-idle", "--cpu-limit", "50"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--files", type=int, default=100, help="of the build (default: %(default)s)")
    parser.add_argument("--tree", type=Path, default=Path("/usr/share"))
    args = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in BACKGROUND}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), args.files)
        build(Path(folder))
        for _ in range(args.runs):
            for name, options in BACKGROUND.items():
                with Background(options, args.tree):
                    taken[name].append(build(Path(folder)))
    alone = statistics.median(taken["alone"])
    print(f"| a build of {args.files} C files | seconds (each run) | slower by |\n|---|---|---|")
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        runs = ", ".join(f"{value:.1f}" for value in seconds)
        print(f"| {name} | {middle:.1f} ({runs}) | {100 * (middle / alone - 1):.0f} % |")


class Background:
    """A scan that is repeated until the block ends; None for no scan."""

    def __init__(self, options: list[str] | None, tree: Path) -> None:
        self._options = options
        self._tree = tree

    def __enter__(self) -> None:
        if self._options is None:
            self._process = None
            return
        command = [FREEHOLD, "scan", "--no-cache", "--quiet", *self._options, str(self._tree)]
        loop = 'while :; do "$@" >/dev/null 2>&1; done'
        self._process = subprocess.Popen(["sh", "-c", loop, "sh", *command], start_new_session=True)
        time.sleep(1.5)

    def __exit__(self, *_: object) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            time.sleep(1)


def prepare(folder: Path, files: int) -> None:
    body = "".join(
        f"int f{i}(int x) {{ for (int j = 0; j < x; j++) x += j % {i + 2}; return x * {i}; }}\n" for i in range(60)
    )
    for number in range(files):
        (folder / f"part{number}.c").write_text(f"#include <stdio.h>\n#include <stdlib.h>\n{body}")
    (folder / "Makefile").write_text("all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\tgcc -O2 -c $< -o $@\n")


def build(folder: Path) -> float:
    for file in folder.glob("*.o"):
        file.unlink()
    began = time.perf_counter()
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}"], cwd=folder, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
