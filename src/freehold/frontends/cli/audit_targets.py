"""What ``freehold audit`` examines: this machine, mounted systems, folders, images, and bills of materials."""

import argparse
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from freehold.frontends.cli import options, scan_output
from freehold.model.errors import UsageError
from freehold.model.policy import IndicatorKind
from freehold.model.report import SEPARATOR, Problem
from freehold.model.system import named_by
from freehold.responses.summary import Summary
from freehold.service.audit import machine, places
from freehold.service.audit.evidence import Collection
from freehold.service.entry import IMAGE, Entry, Finished
from freehold.service.walk import Walk, WalkOptions

if TYPE_CHECKING:
    from freehold.frontends.cli.audit_images import Images
    from freehold.frontends.cli.progress import Screen

SBOM = "sbom:"
HERE = "/"

_ENDS = 4096
_BILLS = (b'"bomFormat"', b'"SPDXID"', b'"spdxVersion"', b"spdx.org/rdf/", b"cyclonedx.org/schema/bom", b"SPDXVersion:")
"""What the beginning or the end of a bill of materials holds."""


class Examined(NamedTuple):
    """How far an examination came.

    Attributes:
        places: files, folders and other places that were looked at.
        problems: why something was not, each with its target.
    """

    places: int
    problems: list[tuple[str, Problem]]


def check(targets: list[str]) -> None:
    """Raise ``UsageError`` for a target that is not there, or is something else than it is called."""
    for target in targets:
        path = target.removeprefix(SBOM).removeprefix(IMAGE)
        if not os.path.lexists(path):
            raise UsageError(f"there is no {path}{_meant(target)}")
        if target.startswith(SBOM) and not _is_bill(path):
            raise UsageError(
                f"{path} is no CycloneDX or SPDX bill of materials; to look into it as into any file, leave out {SBOM}"
            )


def examine(args: argparse.Namespace, bundle: Path, collection: Collection) -> Examined:
    """Look at all targets; raises ``UsageError`` for an image that is none."""
    with closing(_Examination(args, collection)) as examination:
        examination.run(bundle)
        return Examined(examination.summary.files + examination.by_name, examination.problems)


class _Examination:
    def __init__(self, args: argparse.Namespace, collection: Collection) -> None:
        self.summary = Summary()
        self.by_name = 0
        self.problems: list[tuple[str, Problem]] = []
        self._args = args
        self._collection = collection
        self._targets = args.targets or [HERE]
        self._where: dict[bytes, tuple[str, str]] = {}
        self._screen: Screen | scan_output.Plain = scan_output.Plain()
        self._images: Images | None = None
        if images := [target for target in self._targets if target.startswith(IMAGE)]:
            from freehold.frontends.cli import audit_images

            self._images = audit_images.Images(args, images)

    def close(self) -> None:
        """End what outlives the workers."""
        if self._images:
            self._images.close()

    def run(self, bundle: Path) -> None:
        with (
            options.open_pool(self._args, [bundle], all_matches=True) as pool,
            # Only now: the bar is a thread, and the pool has forked.
            scan_output.screen(self._args, self.summary, None) as self._screen,
        ):
            for finished in pool.scan(self._entries()):
                self._take(finished)
            if not self._args.targets:
                self._running()

    def _take(self, finished: Finished) -> None:
        target, where = self._where.pop(finished.path, (os.fsdecode(finished.path), ""))
        self.summary.add(finished.report)
        detections = self._images.seen(finished) if self._images else finished.report.detections
        self._collection.report(target, where, detections)
        for problem in finished.report.problems:
            self._problem(target, problem, where)

    def _problem(self, target: str, problem: Problem, where: str) -> None:
        first, separator, inside = problem.artifact.partition(SEPARATOR)
        self.problems.append((target, problem._replace(artifact=f"{where or first}{separator}{inside}")))

    def _entries(self) -> Iterator[Entry]:
        for target in self._targets:
            if target.startswith(IMAGE):
                entries = self._images.entries(target) if self._images else iter(())
            elif os.path.isdir(target) and places.is_system(Path(target)):  # noqa: PTH112 - text
                entries = self._system(target)
            else:
                entries = _everything(target.removeprefix(SBOM))
            for entry in entries:
                self._where[entry.path] = (target, entry.name)
                self._screen.current = entry.path
                yield entry

    def _system(self, target: str) -> Iterator[Entry]:
        for place in places.places(Path(target), self._collection.paths()):
            if isinstance(place, Problem):
                self._problem(target, place, place.artifact)
                continue
            for kind, value in named_by(place.path):
                self._collection.see(kind, value, target, place.path)
            if place.content:
                yield places.entry(place)
            else:
                self.by_name += 1

    def _running(self) -> None:
        for seen in machine.seen():
            if isinstance(seen, Problem):
                self._problem(HERE, seen, seen.artifact)
                continue
            kind, value, where = seen
            self.by_name += 1
            self._collection.see(kind, value, HERE, value if kind is IndicatorKind.PATH else where)


def _everything(target: str) -> Iterator[Entry]:
    """Yield all files of a folder, each with its path in it; or the file itself."""
    top = os.fsencode(target).rstrip(b"/")
    for entry in Walk(WalkOptions()).entries([top or b"/"]):
        entry.name = os.fsdecode(entry.path.removeprefix(top)) or os.path.basename(target)  # noqa: PTH119 - text
        yield entry


def _is_bill(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as the user names it
            head = file.read(_ENDS)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _ENDS))
            ends = head + file.read(_ENDS)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    return any(mark in ends for mark in _BILLS)


def _meant(target: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(target, ("verify", "compare", "merge"), 1)
    return f"; did you mean '{close[0]}'?" if close else ""
