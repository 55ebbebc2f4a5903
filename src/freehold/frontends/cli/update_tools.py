"""What ``freehold update`` hands to the client of feeds: the compiler, and the trial in the sandbox."""

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import freehold
from freehold.frontends.cli import databases
from freehold.model.errors import FreeholdError
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind, Report
from freehold.responses.wording import printable, printable_path
from freehold.service.content import Content
from freehold.service.entry import Entry, Finished
from freehold.service.packages.known import Packages
from freehold.service.pool import Pool
from freehold.service.testfile import EICAR
from freehold.service.verdicts.generation import segments
from freehold.service.walk import Walk, WalkOptions

GOOD_FOLDERS = (b"/usr/bin", b"/usr/sbin")
"""Where the programs are that this machine cannot do without."""

GOOD_BYTES = 256 << 20
"""Bytes of them that are looked at, the small files first."""

_TEST = "test"
_SHOWN = 3
_ENOUGH = 64
"""Faults after which it is clear what a database is worth."""

_DEADLY = {ProblemKind.CRASHED, ProblemKind.INTERNAL}


class Tools:
    """See ``freehold.updates.client.following.Tools``.

    Args:
        held: makes the error that says why a release is held back.
        quiet: whether nothing is shown of what is being done.
    """

    def __init__(self, held: type[FreeholdError], *, quiet: bool) -> None:
        self._held = held
        self._packages: Packages | None = None
        self._shows = not quiet and sys.stderr.isatty()

    def compile(self, sources: Path, destination: Path, base: Path | None, retracted: Sequence[str]) -> None:
        """Compile the signatures of a release; what this version does not know is left out and said."""
        from freehold.signatures.compile import build

        # One process: several share locks in /dev/shm, which the updater may not see.
        result = build([sources], destination, jobs=1, base=base, retracted=retracted, unwanted=True)
        for rejected in result.rejected[:_SHOWN]:
            where = f"{printable(rejected.source)}:{rejected.line}"
            print(f"freehold: {where}: left out: {printable(rejected.reason)}", file=sys.stderr)

    def prove(self, bundle: Path, before: Path | None) -> None:
        """Try a database: it finds the test file, and nothing in what is known to be good; no worker dies of it."""
        core = databases.core()
        older = segments(before) if before else []
        try:
            with (
                Pool([core, bundle], _limits(), older=[*segments(core), *older]) as pool,
                closing(self._faults(pool, clean_before=before is not None)) as found,
            ):
                faults = list(islice(found, _ENOUGH))
        except FreeholdError as error:
            raise self._held(f"the workers cannot load it: {error}") from error
        if faults and before is not None:
            faults = list(self._new(faults, [core, before]))
        if faults:
            more = f", and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            raise self._held("; ".join(words for _, words in faults[:_SHOWN]) + more)

    def progress(self, text: str) -> None:
        """Show on a terminal what is being done, in one line that the next text replaces."""
        if self._shows:
            print(f"\r\x1b[K{printable(text)[:78]}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Remove that line."""
        self.progress("")

    def _faults(self, pool: Pool, *, clean_before: bool) -> Generator[tuple[bytes, str], None, None]:
        """Yield what is wrong with a database: the file that shows it, and words."""
        test = next(pool.scan([_test_file()]))
        if not test.report.detections:
            yield b"", "with it, the EICAR test file is not detected any more"
        with closing(pool.scan(_known_good(clean_before=clean_before))) as examined:
            for finished in examined:
                if _wrong(finished.report) and self._is_good(finished.path):
                    yield finished.path, _words(finished)

    def _is_good(self, path: bytes) -> bool:
        """Whether a file is as its package brought it, or is Freehold's own: others could hold every update back."""
        if path.startswith(os.fsencode(Path(freehold.__file__).parent)):
            return True
        if self._packages is None:
            self._packages = Packages()
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return self._packages.verify(path, fd)
        except OSError:
            return False
        finally:
            os.close(fd)

    def _new(self, faults: Sequence[tuple[bytes, str]], bundles: Sequence[Path]) -> Iterator[tuple[bytes, str]]:
        """Yield the faults that the database before does not have as well."""
        paths = [path for path, _ in faults if path]
        with Pool(bundles, _limits()) as pool:
            known = {item.path for item in pool.scan(Walk(WalkOptions()).entries(paths)) if _wrong(item.report)}
        return iter([(path, words) for path, words in faults if path not in known])


def _limits() -> Limits:
    return Limits()._replace(seconds=60.0)


def _test_file() -> Entry:
    content = Content()
    content.write(EICAR)
    return Entry(b"eicar.com", content.detach(), len(EICAR))


def _known_good(*, clean_before: bool) -> Iterator[Entry]:
    """Yield Freehold's own files and the programs of this machine, as far as ``GOOD_BYTES`` go.

    Those that the database before found clean are compared with the new signatures only.
    """
    own = os.fsencode(Path(freehold.__file__).parent / "service")
    left = GOOD_BYTES
    for path in [*_files(own), *sorted(set(_files(*GOOD_FOLDERS)), key=_size)]:
        left -= _size(path)
        if left < 0:
            return
        for entry in Walk(WalkOptions()).entries([path]):
            entry.clean_before = clean_before
            yield entry


def _files(*folders: bytes) -> list[bytes]:
    found: list[bytes] = []
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                found += [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError:
            continue
    return sorted(found)


def _size(path: bytes) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - paths are bytes here
    except OSError:
        return 0


def _words(finished: Finished) -> str:
    """Return what a database does wrong with a file."""
    report = finished.report
    name = printable_path(finished.path)
    for detection in report.detections:
        if detection.category != _TEST:
            return f"{printable(detection.name)} ({printable(detection.source)}) is found in {name}, which is good"
    return f"a worker dies of {name}: {printable(report.problems[0].detail)}"


def _wrong(report: Report) -> bool:
    found = any(detection.category != _TEST for detection in report.detections)
    return found or any(problem.kind in _DEADLY for problem in report.problems)
