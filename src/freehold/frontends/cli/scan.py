"""``freehold scan``: examine files and folders."""

import argparse
import signal
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Self, TextIO, TypeVar

from freehold import __version__
from freehold.frontends.cli import (
    aftermath,
    databases,
    options,
    responding,
    scan_manners,
    scan_options,
    scan_output,
    scan_policy,
    scan_resume,
    scan_targets,
)
from freehold.model.report import Report
from freehold.responses.summary import Run, Summary
from freehold.responses.wording import printable, printable_path
from freehold.service.entry import Entry, Finished, Known
from freehold.service.walk import Walk

if TYPE_CHECKING:
    from freehold.frontends.cli.progress import Screen
    from freehold.frontends.cli.scan_images import Images
    from freehold.frontends.cli.update_watch import Watch
    from freehold.service.lists.judging import Lists
    from freehold.service.verdicts.memory import Memory

_BREATH = 5_000
"""Known files after which the workers are looked after, if no file was opened meanwhile."""

_T = TypeVar("_T")

add_arguments = scan_options.add_arguments


def run(args: argparse.Namespace) -> int:
    """Scan, report, and return the exit status."""
    resumption = scan_resume.resumption(args)
    scan_targets.check(args)
    bundles = databases.resolve(args.database, unwanted=args.detect_pua)
    lists = responding.open_lists(args)
    named = (*databases.names(args.database, bundles), *(f"policy {name}" for name in args.policy))
    bundles += scan_policy.bundles(args)
    if lists:
        bundles += databases.denied(lists.hash_lines())
    denies_paths = lists is not None and lists.denies_paths
    memory = _memory(args, bundles, ignore=args.full or bool(args.policy) or denies_paths)
    progress = scan_resume.Progress(args, bundles, resumption)
    with scan_output.output(args.output) as stream:
        scan = _Scan(args, stream, memory, progress, lists)
        with closing(scan), scan_manners.kept(scan.manners):
            scan.run(bundles, named)
    return scan.summary.exit_status


def _memory(args: argparse.Namespace, bundles: Sequence[Path], *, ignore: bool) -> "Memory | None":
    """Return the memory of verdicts where it is wanted: for folders, unless the user does without it."""
    if args.no_cache or not scan_targets.has_folders(args):
        return None
    from freehold.service import verdicts

    return verdicts.open_memory(bundles, options.limits_of(args), lists=args.format == "jsonl", ignore=ignore)


class _Scan:
    """One scan from its options to its report."""

    def __init__(
        self,
        args: argparse.Namespace,
        stream: TextIO,
        memory: "Memory | None",
        progress: scan_resume.Progress,
        lists: "Lists | None",
    ) -> None:
        self.summary = Summary()
        self._args = args
        self._memory = memory
        self._lists = lists
        self._warnings = list(lists.notices) if lists else []
        self.manners = scan_manners.wanted(args)
        self._quarantine = responding.open_quarantine(args, lambda: self.summary.files)
        self._progress = progress
        self._images = self._open_images()
        self._known = progress.memory(memory)
        self._walk = Walk(scan_options.walk_options(args), self._known)
        self._screen: Screen | scan_output.Plain = scan_output.Plain()
        report = scan_output.writer(args, stream, lambda text: self._screen.line(text, stream))
        self._writer = aftermath.Aftermath(args, report)
        self._naming = scan_policy.naming(args)
        self._sandbox = ""
        self._watch: Watch | None = None
        self._noticed = 0

    def run(self, bundles: Sequence[Path], names: Sequence[str]) -> None:
        began = time.time()
        self._show_notices()
        if self._progress.notice:
            self._complain(self._progress.notice)
        entries = self._entries()
        with _Interruptible() as interruptible, closing(entries):
            try:
                # What is known needs no worker, and perhaps everything is.
                first = interruptible.next(filter(None, entries)) if self._memory else None
                if first or not self._memory:
                    self._examine(bundles, chain([first], entries), interruptible)
            except KeyboardInterrupt:
                self.summary.interrupted = True
                for item in self._quarantine.release("the scan was interrupted") if self._quarantine else ():
                    self._report(item)
        if not self.summary.interrupted:
            for path, report in self._progress.vanished():
                self._restore(path, report)
        if self._memory:
            self._memory.save()
        self._show_notices()
        self.summary.seconds = time.time() - began
        self.summary.left_out = {reason.value: count for reason, count in self._walk.left_out.items()}
        sandbox = self._sandbox or "no worker was needed"
        self._writer.end(
            Run(
                __version__,
                (*self._args.paths, *(["--quick"] if self._args.quick else [])),
                tuple(names),
                sandbox,
                began,
            ),
            self.summary,
        )
        for trouble in self._troubles():
            self._complain(f"warning: {printable(trouble)}")
        if self._progress.end(interrupted=self.summary.interrupted):
            self._complain("interrupted; 'freehold scan --resume' goes on from here")

    def _examine(
        self, bundles: Sequence[Path], entries: Iterator[Entry | None], interruptible: "_Interruptible"
    ) -> None:
        """Hand on every report; Ctrl-C ends this between two files."""
        args = self._args
        with (
            options.open_pool(
                args,
                bundles,
                jobs=args.jobs,
                all_matches=args.all_matches or (self._lists is not None and self._lists.wants_all_matches),
                prove=args.prove,
                older=self._memory.older if self._memory else (),
            ) as pool,
            # Only now: the bar is a thread, and the pool has forked.
            scan_output.screen(args, self.summary, scan_targets.counter(args)) as self._screen,
            closing(pool.scan(entries)) as examined,
        ):
            judged = self._lists.applied(examined) if self._lists else examined
            finished = self._quarantine.applied(judged) if self._quarantine else judged
            try:
                while (item := interruptible.next(finished)) is not None:
                    self._report(item)
            finally:
                self._sandbox = pool.sandbox
        self._screen = scan_output.Plain()

    def close(self) -> None:
        """End what outlives the workers."""
        if self._images:
            self._images.close()

    def _open_images(self) -> "Images | None":
        """Open the container images; now, as their reader is forked."""
        if not scan_targets.has_images(self._args):
            return None
        from freehold.frontends.cli.scan_images import Images

        return Images(self._args, self._memory)

    def _report(self, item: Finished) -> None:
        if self._images:
            self._images.finish(item)
        self.summary.add(item.report)
        self._writer.file(item.path, item.report)
        self._progress.add(item)
        if (item.report.detections or item.report.problems) and not self._args.database:
            self._blame(item)
        if self._memory and not item.report.allowed:
            self._memory.remember(item.status, item.report)

    def _blame(self, item: Finished) -> None:
        """Have trouble counted, in case that a release of signatures which came just now is its reason."""
        if self._watch is None:
            from freehold.frontends.cli.update_watch import Watch

            self._watch = Watch()
        self._watch.add(item)

    def _troubles(self) -> Iterator[str]:
        """Yield what went wrong beside the scan, a sentence each, and what was done about it."""
        if self._watch:
            yield from self._watch.end()
        yield from self._writer.troubles

    def _restore(self, path: bytes, report: Report) -> None:
        """Report a file that was examined before the scan was interrupted."""
        self.summary.add(report)
        self._writer.file(path, report)

    def _entries(self) -> Generator[Entry | None, None, None]:
        """Yield what must be examined, and now and then None while there is only what is known."""
        args = self._args
        named = set(scan_targets.files(args))
        known = 0
        images = self._images.found() if self._images else ()
        for found in chain(images, scan_targets.found(args, self._walk, self._known)):
            if isinstance(found, Known):
                known += self._count_known(found)
                if known >= _BREATH:
                    known = 0
                    yield None
                continue
            if found.problem and found.path in named:
                self._complain(f"{printable_path(found.path)}: {printable(found.problem.detail)}")
            if self._naming:
                self._naming(found)
            self._screen.current = found.path
            yield from scan_manners.pauses(self.manners)
            yield found

    def _count_known(self, known: Known) -> int:
        self.summary.add_known(known.files, known.bytes, known.file_types)
        for path, report in known.each:
            self._writer.file(path, report)
        for path, report in known.restored:
            self._restore(path, report)
        return known.files + len(known.restored)

    def _show_notices(self) -> None:
        while self._warnings:
            self._complain(f"warning: {printable(self._warnings.pop(0))}")
        for notice in self._memory.notices[self._noticed :] if self._memory else ():
            self._noticed += 1
            self._complain(printable(notice))

    def _complain(self, text: str) -> None:
        self._screen.line(f"freehold: {text}", sys.stderr)


class _Interruptible:
    """Lets Ctrl-C interrupt the wait for a report, but never the writing of one; a second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self._waiting = False
        self._asked = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def next(self, items: Iterator[_T]) -> _T | None:
        self._waiting = True
        try:
            if self._asked:
                raise KeyboardInterrupt
            return next(items, None)
        finally:
            self._waiting = False

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._asked = True
        if self._waiting:
            raise KeyboardInterrupt
