"""What ``freehold audit`` examines: this machine, mounted systems, folders, images, and bills of materials."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.frontends.cli import options
from freehold.model.errors import UsageError
from freehold.model.policy import IndicatorKind
from freehold.model.report import Problem
from freehold.model.system import named_by
from freehold.service.audit import machine, places
from freehold.service.audit.evidence import Collection
from freehold.service.entry import Entry
from freehold.service.walk import Walk, WalkOptions

SBOM = "sbom:"
HERE = Path("/")


class Examined(NamedTuple):
    """How far an examination came.

    Attributes:
        places: files, folders and other places that were looked at.
        problems: why something was not.
    """

    places: int
    problems: list[Problem]


def examine(args: argparse.Namespace, bundle: Path, collection: Collection) -> Examined:
    """Look at all targets; raises ``UsageError`` for one that does not exist."""
    targets = [target.removeprefix(SBOM) for target in args.targets] or [str(HERE)]
    for target in targets:
        if not os.path.lexists(target):
            raise UsageError(f"there is no {target}")
    counted = 0
    problems: list[Problem] = []
    entries = _Counted(entry for target in targets for entry in _entries(Path(target), collection))
    with options.open_pool(args, [bundle], all_matches=True) as pool:
        for finished in pool.scan(entries):
            collection.report(os.fsdecode(finished.path), finished.report.detections)
            problems += finished.report.problems
    if not args.targets:
        for kind, value, where in machine.seen():
            counted += 1
            collection.see(kind, value, where)
    return Examined(entries.count + counted, problems)


class _Counted:
    def __init__(self, entries: Iterator[Entry]) -> None:
        self.count = 0
        self._entries = entries

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Entry:
        self.count += 1
        return next(self._entries)


def _entries(target: Path, collection: Collection) -> Iterator[Entry]:
    if not target.is_dir() or not places.is_system(target):
        yield from _everything(target)
        return
    for path in collection.paths():
        if places.exists(target, path):
            collection.see(IndicatorKind.PATH, path, path)
    for place in places.places(target):
        for kind, value in named_by(place.path):
            collection.see(kind, value, place.path)
        if place.content and not Path(place.real).is_dir():
            yield places.entry(place)


def _everything(target: Path) -> Iterator[Entry]:
    """Yield all files of a folder, each with its path in it; or the file itself."""
    top = os.fsencode(target)
    for entry in Walk(WalkOptions()).entries([top]):
        entry.name = os.fsdecode(entry.path.removeprefix(top)) or target.name
        yield entry
