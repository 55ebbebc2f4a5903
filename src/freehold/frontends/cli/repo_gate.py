"""``freehold repo gate``: whether the staged release may be signed, as far as a machine can tell."""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.frontends.cli import gate, options
from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError
from freehold.responses.wording import printable, printable_path

if TYPE_CHECKING:
    from freehold.service.pool import Pool
    from freehold.updates.content.segments import Segment
    from freehold.updates.content.states import State
    from freehold.updates.publish.repository import Repository

_EXAMPLES = """\
The release is put together from its files, compiled, and tried:
  * no known-good file may be detected (default: all that packages have installed on this machine)
  * every positive sample must be
  * scanning may not be slower than with the release before, beyond --slower
  * not more than --most-removed of all signatures may disappear at once
The result is kept in REPO/gates, on this machine only; 'repo sign' asks for it.

exit status: 0 passed, 1 not passed, 3 or higher: usage and internal errors

examples:
  freehold repo gate ./repo
  freehold repo gate ./repo --known-good /usr/bin /srv/clean --positive /srv/samples
"""

_SAMPLED_FILES = 300
_SAMPLED_BYTES = 128 << 20
_ROUNDS = 3
_SHOWN = 20
_LEAST_SECONDS = 0.05
"""Scans that take less count as if they took this: the difference would be chance."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument(
        "--known-good", nargs="+", default=[], metavar="PATH", help="files and folders known to be good"
    )
    parser.add_argument("--all", action="store_true", help="these and all that packages have installed")
    parser.add_argument("--positive", nargs="+", default=[], metavar="PATH", help="each file there must be detected")
    parser.add_argument(
        "--slower", type=float, default=10, metavar="PERCENT", help="slower than the release before (default: 10)"
    )
    parser.add_argument(
        "--most-removed", type=float, default=10, metavar="PERCENT", help="of all signatures (default: 10)"
    )
    parser.add_argument("--strict", action="store_true", help="no signature may be one that Freehold cannot honour")
    parser.add_argument("--jobs", type=int, metavar="N", help="workers (default: one for each processor)")
    options.add_limits(parser)


class _Findings:
    """What speaks against a release, and what was measured."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.measured: dict[str, Any] = {}

    def object_to(self, reason: str) -> None:
        """Take note of a reason; print the first ones."""
        self.reasons.append(reason)
        if len(self.reasons) <= _SHOWN:
            shared.tell(reason)


def run(args: argparse.Namespace) -> int:
    """Try the staged release; the status is 1 when something speaks against it."""
    from freehold.updates.publish import checking
    from freehold.updates.publish.history import History

    repository = shared.opened(args)
    release = _staged_release(repository)
    findings = _Findings()
    with TemporaryDirectory(prefix="freehold-gate-") as scratch, shared.shown() as progress:
        history, previous = History(repository), repository.current()
        state = history.state(release)
        before = history.state(previous) if previous else None
        _check_removed(args, findings, state, before)
        new = _compiled(state, Path(scratch, "new"), progress)
        findings.measured["rejected"] = len(new.rejected)
        if args.strict and new.rejected:
            findings.object_to(f"{len(new.rejected)} signatures cannot be honoured: {new.rejected[0]}")
        _check_files(args, findings, new.bundle)
        if before is not None:
            old = _compiled(before, Path(scratch, "old"), progress)
            _check_speed(args, findings, old.bundle, new.bundle)
    passed = not findings.reasons
    found = checking.Gate(release.state, passed, tuple(findings.reasons[:_SHOWN]), findings.measured)
    checking.record_gate(repository, found)
    _show(args, found, release.seq)
    return 0 if passed else 1


def _staged_release(repository: "Repository") -> Any:
    metadata = repository.staged_metadata(repository.feed)
    if metadata is None:
        raise UsageError("nothing is staged; 'freehold repo build' makes a release")
    return repository.release_in(metadata)  # type: ignore[arg-type]


def _check_removed(args: argparse.Namespace, findings: _Findings, state: "State", before: "State | None") -> None:
    added, removed = (len(state), 0) if before is None else _changes(before.step_to(state))
    findings.measured |= {"added": added, "removed": removed}
    if before is not None and removed * 100 > args.most_removed * len(before):
        findings.object_to(f"{removed:,} of {len(before):,} signatures would disappear, above {args.most_removed:g} %")


def _changes(step: "Segment") -> tuple[int, int]:
    return len(step.added), len(step.removed)


class _Compiled(NamedTuple):
    bundle: Path
    rejected: list[str]


def _compiled(state: "State", folder: Path, progress: Any) -> _Compiled:
    """Compile a state as clients do."""
    from freehold.signatures.compile import build
    from freehold.updates.content.entries import files_of

    sources = folder / "sources"
    sources.mkdir(parents=True)
    for language, contents in files_of(state).items():
        for number, content in enumerate(contents):
            (sources / f"{number}.{language}").write_bytes(content)
    result = build([sources], folder / "bundle", progress=progress)
    return _Compiled(folder / "bundle", [f"{one.source}:{one.line}: {one.reason}" for one in result.rejected])


def _check_files(args: argparse.Namespace, findings: _Findings, bundle: Path) -> None:
    """Scan known-good files and positive samples."""
    from freehold.service.walk import Walk, WalkOptions

    files = detected = missed = samples = 0
    with options.open_pool(args, [bundle], jobs=args.jobs, all_matches=True) as pool:
        for finished in pool.scan(gate.entries(args.known_good, everything=args.all)):
            files += 1
            faults = gate.faults_of(finished.report)
            detected += bool(faults)
            for fault in faults:
                findings.object_to(f"{printable_path(finished.path)} is known to be good: {printable(fault.name)}")
        for finished in pool.scan(Walk(WalkOptions()).entries(map(os.fsencode, args.positive))):
            samples += 1
            if not finished.report.detections:
                missed += 1
                findings.object_to(f"{printable_path(finished.path)} is not detected")
    if not files:
        raise UsageError("found no known-good file; name some with --known-good")
    findings.measured |= {"files": files, "false_positives": detected, "positives": samples, "missed": missed}


def _check_speed(args: argparse.Namespace, findings: _Findings, old: Path, new: Path) -> None:
    """Compare the time that files take with both databases: for each the best of some rounds, in turns."""
    paths = _sample(args)
    best: dict[str, dict[bytes, float]] = {"old": {}, "new": {}}
    with (
        options.open_pool(args, [old], jobs=1, all_matches=True) as before,
        options.open_pool(args, [new], jobs=1, all_matches=True) as after,
    ):
        for _ in range(_ROUNDS):
            for name, pool in (("old", before), ("new", after)):
                _time(pool, paths, best[name])
    took_old, took_new = sum(best["old"].values()), sum(best["new"].values())
    ratio = max(took_new, _LEAST_SECONDS) / max(took_old, _LEAST_SECONDS)
    findings.measured |= {"speed_files": len(paths), "speed_ratio": round(ratio, 3)}
    if ratio > 1 + args.slower / 100:
        findings.object_to(f"scanning takes {ratio:.2f} times as long as with the release before")


def _sample(args: argparse.Namespace) -> list[bytes]:
    """Return paths of some of the known-good files, evenly from among them."""
    found = list(_paths(args))
    step = max(len(found) // _SAMPLED_FILES, 1)
    sampled, total = [], 0
    for path, size in found[::step]:
        total += size
        if total > _SAMPLED_BYTES:
            break
        sampled.append(path)
    return sampled


def _paths(args: argparse.Namespace) -> Iterator[tuple[bytes, int]]:
    for entry in gate.entries(args.known_good, everything=args.all):
        if entry.fd is not None:
            os.close(entry.fd)
            yield entry.path, entry.size


def _time(pool: "Pool", paths: Sequence[bytes], best: dict[bytes, float]) -> None:
    from freehold.service.walk import Walk, WalkOptions

    for finished in pool.scan(Walk(WalkOptions()).entries(paths)):
        seconds = finished.report.seconds
        best[finished.path] = min(seconds, best.get(finished.path, seconds))


def _show(args: argparse.Namespace, found: Any, seq: int) -> None:
    facts = {"seq": seq, "state": found.state, "passed": found.passed, "reasons": list(found.reasons), **found.measured}
    told = found.measured
    tried = f"{told['files']:,} known-good files, {told['false_positives']:,} detected"
    samples = f"{told['positives']:,} positive samples, {told['missed']:,} missed"
    lines = [f"release {seq}: {'passed' if found.passed else 'NOT PASSED'}", f"  {tried}; {samples}"]
    if "speed_ratio" in told:
        lines.append(
            f"  {told['speed_ratio']:.2f} times the time of the release before, on {told['speed_files']} files"
        )
    if told["rejected"]:
        lines.append(f"  {told['rejected']:,} signatures that Freehold cannot honour")
    shared.answer(args, facts, lines)
