"""Runs fuzz targets one after the other: ``python -m tests.fuzz.run [--seconds N] [NAME ...]``.

Each target is a module ``fuzz_NAME.py`` with a function ``target(data: bytes)`` that raises when it fails.
"""

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> int:
    names = sorted(path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py"))
    parser = argparse.ArgumentParser(description="Run fuzz targets one after the other.")
    parser.add_argument("--seconds", type=int, default=30, help="for each target (default: %(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)} (default: all)")
    args = parser.parse_args()
    failed = []
    for name in args.names or names:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", "tests.fuzz.runner", name, str(args.seconds)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "no failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
