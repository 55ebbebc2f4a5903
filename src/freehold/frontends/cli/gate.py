"""``freehold db gate``: the false-positive gate that every release of rules must pass.

Known-good files are those that the system's packages own, Python's standard library and installed packages, and Node's
modules. None of them may be detected.
"""

import argparse
import os
import shutil
import stat
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from freehold.frontends.cli import databases, options
from freehold.model.errors import UsageError
from freehold.model.report import Detection, Report
from freehold.responses.wording import count_text, printable, printable_path
from freehold.service.entry import Entry
from freehold.service.walk import Walk, WalkOptions

_TEST = "test"
"""Signatures of this category are there to find test files, which packages may hold."""

_PACKAGE_LISTS = Path("/var/lib/dpkg/info")
_NODE_FOLDERS = ("/usr/share/nodejs", "/usr/lib/node_modules", "/usr/local/lib/node_modules")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.add_argument(
        "--known-good",
        nargs="*",
        metavar="PATH",
        required=True,
        help="files and folders that are known to be good (default: all that packages have installed)",
    )
    parser.add_argument("--all", action="store_true", help="the paths and all that packages have installed")
    parser.add_argument("--jobs", type=int, metavar="N", help="workers (default: one for each processor)")
    options.add_examination(parser)
    options.add_unwanted(parser)


def run(args: argparse.Namespace) -> int:
    """Scan known-good files; the status is 1 when anything is detected."""
    bundles = databases.resolve(args.database, unwanted=args.detect_pua)
    files = detected = incomplete = 0
    with options.open_pool(args, bundles, jobs=args.jobs, all_matches=True) as pool:
        for finished in pool.scan(entries(args.known_good, everything=args.all)):
            files += 1
            incomplete += bool(finished.report.problems)
            faults = faults_of(finished.report)
            detected += bool(faults)
            for detection in faults:
                found = f"{printable(detection.name)} ({printable(detection.source)})"
                print(
                    f"{printable_path(finished.path)}: {found} in {printable(detection.artifact)} at {detection.offset}"
                )
    if not files:
        raise UsageError("found no known-good file; name some after --known-good")
    print(
        f"{count_text(files, 'known-good file')}: {detected:,} detected, {incomplete:,} not fully examined",
        file=sys.stderr,
    )
    return 1 if detected else 0


def faults_of(report: Report) -> list[Detection]:
    """Return the detections that a known-good file should not have."""
    return [detection for detection in report.detections if detection.category != _TEST]


def entries(named: list[str], *, everything: bool) -> Iterator[Entry]:
    """Open known-good files: those named, and all of packages when none is or ``everything`` is set."""
    paths = [os.fsencode(path) for path in named]
    if everything or not paths:
        paths.extend(sorted(_installed()))
        paths.extend(_libraries())
    return Walk(WalkOptions()).entries(paths)


def _installed() -> set[bytes]:
    """Return the regular files that Debian's packages own."""
    paths: set[bytes] = set()
    for listing in _PACKAGE_LISTS.glob("*.list"):
        paths.update(path for path in listing.read_bytes().splitlines() if path not in paths and _is_file(path))
    return paths


def _is_file(path: bytes) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _libraries() -> Iterator[bytes]:
    """Yield the folders of this Python's libraries and of Node's modules."""
    folders = {os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    node = shutil.which("node")
    if node is not None:
        folders.add(os.path.realpath(Path(node).resolve().parent.parent / "lib" / "node_modules"))
    folders.update(map(os.path.realpath, _NODE_FOLDERS))
    within = [folder for folder in folders if any(folder.startswith(f"{other}/") for other in folders)]
    for folder in sorted(folders.difference(within)):
        if Path(folder).is_dir():
            yield os.fsencode(folder)
