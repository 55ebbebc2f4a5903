"""How long an audit of this machine takes, and how much memory: python bench/audit.py [--runs N]."""

import argparse
import sys
from pathlib import Path

import measure

SECONDS = 5.0
MEMORY = 100e6
"""Goals for an audit with everything in the page cache."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="default: %(default)s")
    args = parser.parse_args()
    command = [str(Path(sys.executable).with_name("freehold")), "audit", "--format", "jsonl", "--output", "/dev/null"]
    measure.run(command)  # compiles the packs, and warms the cache
    timed = measure.median([measure.run(command) for _ in range(args.runs)])
    sized = measure.run(command, memory=True)
    if timed.status >= 3:
        print(f"the audit failed with status {timed.status}", file=sys.stderr)
        return 1
    print(f"{timed.wall:.2f} s wall, {timed.cpu:.2f} s CPU (goal: {SECONDS:.0f} s), median of {args.runs}")
    print(f"{sized.pss / 1e6:.0f} MB of PSS in all processes together (goal: {MEMORY / 1e6:.0f} MB)")
    return 0 if timed.wall <= SECONDS and sized.pss <= MEMORY else 2


if __name__ == "__main__":
    sys.exit(main())
