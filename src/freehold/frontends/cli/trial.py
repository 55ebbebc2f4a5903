"""The trial of signatures that ``freehold db test`` asks for: on carriers, on near misses, and on the user's files."""

import argparse
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from freehold.frontends.cli import asked, options
from freehold.model.errors import UsageError
from freehold.model.report import Report
from freehold.model.signature import LogicalSignature, PatternSignature, Rejected, YaraSource
from freehold.responses.wording import count_text, printable, printable_path
from freehold.service.pool import Pool
from freehold.service.walk import Walk, WalkOptions
from freehold.signatures.advice import advice
from freehold.signatures.carrier.errors import CannotCarry
from freehold.signatures.carrier.make import Kind, carriers
from freehold.signatures.compile import build
from freehold.signatures.find import Found, in_file, source_texts
from freehold.signatures.registry import BY_SUFFIX

SEEDS = range(1, 5)
"""Carriers are made with so many random choices."""

MOST_SIGNATURES = 10_000
"""Signatures of a file that are tested at once."""


class _Expectation(NamedTuple):
    """What a carrier is for.

    Attributes:
        path: of the carrier.
        name: of the signature.
        kind: how the two relate.
        matches: whether it should match; None when either will do.
    """

    path: bytes
    name: str
    kind: Kind
    matches: bool | None


def try_signatures(args: argparse.Namespace) -> int:
    """Test signatures and print what came out; returns 0 when everything is as expected, else 1.

    Raises:
        UsageError: there is nothing to test, or the carriers cannot be kept where they should.
    """
    found = _find(args.signature, args.database)
    readable = [one for one in found if not isinstance(one.signature, Rejected)]
    with tempfile.TemporaryDirectory(prefix="freehold-test-") as temporary:
        folder = Path(temporary)
        rejected = [one.signature for one in found if isinstance(one.signature, Rejected)]
        for one in rejected:
            print(f"{printable(one.source)}:{one.line}: rejected: {printable(one.reason)}")
        known = {one.reason for one in rejected}  # a file that is compiled as a whole brings them once more
        refused = [reason for reason in _compile(readable, folder) if reason not in known]
        for reason in refused:
            print(f"rejected: {printable(reason)}")
        _advise(readable)
        trial = _Trial(readable, _keeping(args.keep, folder))
        with options.open_pool(args, [folder / "bundle"], all_matches=True) as pool:
            trial.scan_carriers(pool)
            trial.scan_files(pool, args.files)
    unsound = len(rejected) + len(refused)
    print(
        f"{count_text(len(found), 'signature')}: {unsound} rejected; {count_text(trial.carriers, 'carrier')} and "
        f"{count_text(trial.files, 'file')}: {trial.unexpected} not as expected"
    )
    return 1 if unsound or trial.unexpected else 0


def _find(signature: str, databases: Sequence[str]) -> list[Found]:
    path = Path(signature)
    is_file = path.suffix.lower() in BY_SUFFIX and os.path.lexists(signature)
    found = in_file(path) if is_file else asked.signatures(signature, databases)
    if not found:
        raise UsageError(f"there is no signature in {signature}")
    if len(found) > MOST_SIGNATURES:
        raise UsageError(f"{len(found):,} signatures are too many at once; {MOST_SIGNATURES:,} can be tested")
    return found


def _compile(found: Sequence[Found], folder: Path) -> list[str]:
    """Compile the signatures into a bundle; returns why some cannot be."""
    sources = []
    for number, (suffix, text) in enumerate(source_texts(found)):
        sources.append(folder / f"{number}{suffix}")
        sources[-1].write_bytes(text)
    return [rejected.reason for rejected in build(sources, folder / "bundle", unwanted=True).rejected]


def _advise(found: Sequence[Found]) -> None:
    for one in found:
        if not isinstance(one.signature, Rejected):
            for sentence in advice(one.signature):
                print(f"{printable(one.name)}: note: {printable(sentence)}")


def _keeping(keep: Path | None, folder: Path) -> Path:
    """Return the folder that carriers are written to; raises ``UsageError`` for one with something else in it."""
    chosen = keep or folder / "carriers"
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        if any(chosen.iterdir()):
            raise UsageError(f"{chosen} is not empty")
    except OSError as error:
        raise UsageError(f"{chosen}: {error.strerror}") from error
    return chosen


class _Trial:
    """Scans what should match and what should not, and prints what came out.

    Attributes:
        carriers: how many were scanned.
        files: how many were scanned.
        unexpected: how many of both did not do what they should.
    """

    def __init__(self, found: Sequence[Found], folder: Path) -> None:
        self._found = found
        self._folder = folder
        self._walk = Walk(WalkOptions())
        self.carriers = self.files = self.unexpected = 0

    def scan_carriers(self, pool: Pool) -> None:
        """Make and scan carriers; of a single signature all are shown, of many those that surprise."""
        expectations = {made.path: made for one in self._found for made in _make(one, self._folder)}
        reports = {finished.path: finished.report for finished in pool.scan(self._walk.entries(expectations))}
        self.carriers = len(expectations)
        for path, expectation in expectations.items():
            surprise = _surprise(expectation, reports[path])
            self.unexpected += bool(surprise)
            if surprise or len(self._found) == 1:
                _print(expectation, reports[path], surprise)

    def scan_files(self, pool: Pool, files: Sequence[str]) -> None:
        """Scan files; each should match at least one of the signatures."""
        for finished in pool.scan(self._walk.entries(map(os.fsencode, files))):
            self.files += 1
            shown = [
                f"{printable(found.name)} in {printable(found.artifact)} at offset {found.offset}"
                for found in finished.report.detections
            ]
            self.unexpected += not shown
            print(f"{printable_path(finished.path)}: {', '.join(shown) or 'no match'}")
            _print_problems(finished.report)


def _make(found: Found, folder: Path) -> Iterator[_Expectation]:
    """Write carriers of a signature; say so when there are none."""
    signature = found.signature
    if not isinstance(signature, LogicalSignature | PatternSignature):
        what = "YARA rules" if isinstance(signature, YaraSource) else printable(found.name)
        print(f"{what}: note: nothing can be made that matches; name files that should")
        return
    stem = re.sub(r"[^\w.-]", "_", found.name, flags=re.ASCII)[:80]
    reasons: dict[str, None] = {}
    for seed in SEEDS:
        try:
            for number, carrier in enumerate(carriers(signature, seed)):
                path = folder / f"{stem}.{seed}{number}.{carrier.kind.replace(' ', '-')}"
                path.write_bytes(carrier.file)
                yield _Expectation(os.fsencode(path), found.name, carrier.kind, carrier.expected)
        except CannotCarry as error:
            reasons[str(error)] = None
    for reason in reasons:
        print(f"{printable(found.name)}: note: not every carrier can be made: {printable(reason)}")


def _surprise(expectation: _Expectation, report: Report) -> str:
    """Return what is not as expected, "" when all is."""
    if expectation.kind is Kind.MATCH and expectation.matches is False:
        return "it can never match: its conditions contradict each other"
    if expectation.matches is None or _found(expectation, report) is expectation.matches:
        return ""
    return "it should match" if expectation.matches else "it should not match"


def _found(expectation: _Expectation, report: Report) -> bool:
    return any(detection.name == expectation.name for detection in report.detections)


def _print(expectation: _Expectation, report: Report, surprise: str) -> None:
    words = {True: "match", False: "no match", None: "either"}
    expected, got = words[expectation.matches], words[_found(expectation, report)]
    verdict = f"UNEXPECTED: {surprise}" if surprise else "ok"
    path = printable_path(expectation.path.rpartition(b"/")[2])
    width = len(expectation.name) + 25
    print(f"{path:<{width}} expected {expected:<8}  got {got:<8}  {verdict}")
    _print_problems(report)


def _print_problems(report: Report) -> None:
    for problem in report.problems:
        print(f"    {problem.kind}: {printable(problem.detail)} (in {printable(problem.artifact)})")
