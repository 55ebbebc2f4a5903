"""Compares what ``clamscan`` and the reference matcher find in carriers of logical signatures.

    python -m tests.differential.clamav SIGNATURES.ldb [--sample 1000] [--seed 7] [--show 20]

Every carrier is scanned with all sampled signatures at once; each signature gets a name of its own.
"""

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.differential import clamscan, reference

from freehold.engine.identify import identify
from freehold.engine.normalise.views import forms
from freehold.model.artifact import Artifact
from freehold.model.filetype import Target
from freehold.model.limits import Budget, Limits
from freehold.model.signature import LogicalSignature, Rejected
from freehold.model.view import BytesView
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.make import Carrier, carriers
from freehold.signatures.languages.clamav_ldb import LANGUAGE

BATCH = 500
"""Signatures in one run of ``clamscan``."""


@dataclass
class Outcome:
    """What the comparison yielded."""

    agreed: Counter[str] = field(default_factory=Counter)
    differed: Counter[str] = field(default_factory=Counter)
    matched: Counter[str] = field(default_factory=Counter)
    no_carrier: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def renamed(lines: Iterable[bytes]) -> list[bytes]:
    """Give every signature a name of its own."""
    return [b"S%d;%s" % (number, line.partition(b";")[2]) for number, line in enumerate(lines)]


def compare(lines: Sequence[bytes], seed: int, folder: Path) -> Outcome:
    """Make carriers of all signatures, scan them both ways, and compare the names."""
    outcome = Outcome()
    lines = renamed(lines)
    for start in range(0, len(lines), BATCH):
        _compare_batch(lines[start : start + BATCH], seed, folder, outcome)
    return outcome


def _compare_batch(lines: Sequence[bytes], seed: int, folder: Path, outcome: Outcome) -> None:
    signatures: dict[str, LogicalSignature] = {}
    texts: dict[str, bytes] = {}
    for line, signature in zip(lines, LANGUAGE.parse(b"\n".join(lines), "sample.ldb"), strict=True):
        if isinstance(signature, Rejected):
            outcome.no_carrier[f"rejected: {signature.reason}"] += 1
        else:
            signatures[signature.about.name] = signature
            texts[signature.about.name] = line
    made: list[tuple[str, Carrier]] = []
    for name, signature in signatures.items():
        try:
            made.extend((name, carrier) for carrier in carriers(signature, seed))
        except CannotCarry as error:
            outcome.no_carrier[f"{signature.description.target.name}: {error}"] += 1
    found = clamscan.scan({"sample.ldb": b"\n".join(texts.values()) + b"\n"}, [c.file for _, c in made], folder)
    for (name, carrier), theirs in zip(made, found, strict=True):
        for candidate in sorted({name, *theirs} & signatures.keys()):
            _compare_one(signatures[candidate], carrier, candidate in theirs, name, texts[candidate], outcome)


def _compare_one(
    signature: LogicalSignature, carrier: Carrier, theirs: bool, made_for: str, text: bytes, outcome: Outcome
) -> None:
    target = signature.description.target
    if made_for != signature.about.name and signature.description.container:
        return  # another signature's container is not this one's
    ours = expected(signature, carrier)
    if ours == theirs:
        outcome.agreed[target.name] += 1
        outcome.matched[target.name] += ours
    else:
        outcome.differed[target.name] += 1
        kind = f"{carrier.kind}, made for {made_for}, {len(carrier.file)} bytes"
        outcome.differences.append(
            f"{target.name}: {'only ours' if ours else 'only clamscan'} ({kind}): {text[:400].decode(errors='replace')}"
        )


def expected(signature: LogicalSignature, carrier: Carrier) -> bool:
    """What the reference matcher says of a carrier's content."""
    container = signature.description.container
    containers = () if container in {None, "CL_TYPE_ANY"} else (container,)
    facts = reference.Facts(carrier.landmarks, len(carrier.content), containers)
    return any(reference.matches(signature, seen, facts) for seen in _seen(signature, carrier.content))


def _seen(signature: LogicalSignature, content: bytes) -> list[bytes]:
    """Return the forms of a content that the signature is compared with: texts and pages are normalised."""
    target = signature.description.target
    if target not in {Target.TEXT, Target.HTML}:
        return [content]
    view = BytesView(content)
    made = forms(Artifact("carrier", view, identify(view)), frozenset({target}), Budget(Limits()))
    return [form.content.read(0, form.content.size) for form in made]


def sample(lines: Sequence[bytes], size: int, seed: int) -> list[bytes]:
    """Choose signatures of all targets alike, as far as each has enough of them."""
    rng = Random(seed)
    by_target: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for line in lines:
        if line and not line.startswith(b"#"):
            attributes = line.split(b";", 2)[1]
            by_target[attributes.partition(b"Target:")[2].partition(b",")[0]].append(line)
    chosen: list[bytes] = []
    groups = sorted(by_target.values(), key=len)
    for index, group in enumerate(groups):
        chosen += rng.sample(group, min(len(group), (size - len(chosen)) // (len(groups) - index)))
    return chosen


def main() -> int:
    """Print the agreement by target; status 1 when there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("signatures", type=Path)
    parser.add_argument("--sample", type=int, default=1_000, help="how many signatures (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", type=int, default=20, help="differences to print (default: %(default)s)")
    arguments = parser.parse_args()
    lines = sample(arguments.signatures.read_bytes().splitlines(), arguments.sample, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        outcome = compare(lines, arguments.seed, Path(folder))
    for difference in outcome.differences[: arguments.show]:
        print(difference)
    print(f"{'target':10} {'carriers':>9} {'matching':>9} {'different':>9}")
    for target in Target:
        total = outcome.agreed[target.name] + outcome.differed[target.name]
        print(f"{target.name:10} {total:9} {outcome.matched[target.name]:9} {outcome.differed[target.name]:9}")
    for reason, count in outcome.no_carrier.most_common():
        print(f"{count:6} without a carrier: {reason}")
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
