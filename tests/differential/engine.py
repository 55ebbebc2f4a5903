"""Compares what ``clamscan`` and Freehold find in carriers of signatures, name for name.

    python -m tests.differential.engine SIGNATURES.ldb [--sample 2000] [--seed 7] [--show 20]

Every carrier is scanned both ways with all sampled signatures at once, all matches, so that a signature that matches a
carrier of another one counts, too. Each signature gets a name of its own.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.differential import clamscan
from tests.differential.clamav import renamed, sample

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.signature import LogicalSignature
from freehold.model.view import BytesView
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.make import Carrier, carriers
from freehold.signatures.compile import build
from freehold.signatures.languages.clamav_ldb import LANGUAGE

BATCH = 500
"""Signatures in one run of ``clamscan``."""

LIMITS = Limits(detections=100_000)


def scan(databases: Mapping[str, bytes], contents: Sequence[bytes], folder: Path) -> list[set[str]]:
    """Return for each content the names that Freehold reports, as ``clamscan.scan`` does."""
    sources = folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    for name, text in databases.items():
        (sources / name).write_bytes(text)
    build([sources / name for name in databases], folder / "bundle", jobs=1)
    engine = Engine(load([Bundle.open(folder / "bundle")]))
    reports = (engine.examine(BytesView(content), "content", LIMITS, all_matches=True) for content in contents)
    return [{detection.name for detection in report.detections} for report in reports]


@dataclass
class Outcome:
    """What the comparison yielded, by target."""

    carriers: Counter[str] = field(default_factory=Counter)
    matched: Counter[str] = field(default_factory=Counter)
    differed: Counter[str] = field(default_factory=Counter)
    no_carrier: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def compare(lines: Sequence[bytes], seed: int, folder: Path) -> Outcome:
    """Make carriers of all signatures, scan them both ways, and compare the names."""
    outcome = Outcome()
    lines = renamed(lines)
    for start in range(0, len(lines), BATCH):
        _compare_batch(lines[start : start + BATCH], seed, folder, outcome)
    return outcome


def _compare_batch(lines: Sequence[bytes], seed: int, folder: Path, outcome: Outcome) -> None:
    signatures = [s for s in LANGUAGE.parse(b"\n".join(lines), "sample.ldb") if isinstance(s, LogicalSignature)]
    made: list[tuple[LogicalSignature, Carrier]] = []
    for signature in signatures:
        try:
            made.extend((signature, carrier) for carrier in carriers(signature, seed))
        except CannotCarry as error:
            outcome.no_carrier[f"{signature.description.target.name}: {error}"] += 1
    databases = {"sample.ldb": b"\n".join(lines) + b"\n"}
    contents = [carrier.file for _, carrier in made]
    theirs = clamscan.scan(databases, contents, folder)
    ours = scan(databases, contents, folder)
    for (signature, carrier), their_names, our_names in zip(made, theirs, ours, strict=True):
        target = signature.description.target.name
        outcome.carriers[target] += 1
        outcome.matched[target] += signature.about.name in our_names & their_names
        outcome.differed[target] += their_names != our_names
        for name in sorted(their_names ^ our_names):
            who = "only Freehold" if name in our_names else "only clamscan"
            line = next(line for line in lines if line.startswith(name.encode() + b";"))
            text = line[:400].decode(errors="replace")
            outcome.differences.append(f"{who}: {carrier.kind} of {signature.about.name}, seed {seed}: {text}")


def main() -> int:
    """Print the agreement by target; status 1 when there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("signatures", type=Path)
    parser.add_argument("--sample", type=int, default=2_000, help="how many signatures (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", type=int, default=20, help="differences to print (default: %(default)s)")
    arguments = parser.parse_args()
    lines = sample(arguments.signatures.read_bytes().splitlines(), arguments.sample, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        outcome = compare(lines, arguments.seed, Path(folder))
    for difference in outcome.differences[: arguments.show]:
        print(difference)
    print(f"{'target':10} {'carriers':>9} {'matching':>9} {'different':>9}")
    for target, count in sorted(outcome.carriers.items()):
        print(f"{target:10} {count:9} {outcome.matched[target]:9} {outcome.differed[target]:9}")
    for reason, count in outcome.no_carrier.most_common():
        print(f"{count:6} without a carrier: {reason}")
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
