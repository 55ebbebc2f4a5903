"""``freehold scan``: examine files and folders."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Self, TextIO

from freehold import __version__
from freehold.frontends.cli import databases, options
from freehold.model.errors import UsageError
from freehold.responses.summary import ReportWriter, Run, Summary
from freehold.responses.wording import printable, printable_path
from freehold.service.entry import Entry, Finished
from freehold.service.pool import Pool
from freehold.service.walk import Walk, WalkOptions, spool

if TYPE_CHECKING:
    from freehold.frontends.cli.progress import Screen

FORMATS = ("text", "jsonl", "sarif", "html")

MOST_JOBS = 256

STDIN_NAME = b"<stdin>"

LIST_CHUNK = 1 << 16

LONGEST_NAME = 1 << 16
"""Bytes of one name in a list of files; the kernel takes 4,096."""

_EXAMPLES = """\
exit status:
  0 all clean, 1 something found, 2 something could not be examined and nothing found,
  3 or higher: usage or internal errors, 130 interrupted

examples:
  freehold scan ~/Downloads
  freehold scan --format html --output report.html /srv
  freehold scan --format jsonl /home | jq -r 'select(.verdict == "infected") | .path'
  freehold scan --database /var/lib/clamav --exclude 'node_modules/' --exclude '*.iso' .
  git ls-files -z | freehold scan --files-from - -0
  curl -s https://host.example/file | freehold scan --stdin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, and folders with everything below them")
    parser.add_argument("--stdin", action="store_true", help="examine what comes through standard input")
    parser.add_argument("--files-from", metavar="FILE", help="read paths from FILE, one a line; '-' for standard input")
    parser.add_argument("-0", "--null", action="store_true", help="paths in --files-from end with a NUL byte")
    _add_walk_arguments(parser.add_argument_group("what is examined"))
    _add_report_arguments(parser.add_argument_group("report"))
    parser.add_argument("--all-matches", action="store_true", help="go on after the first detection in a file")
    parser.add_argument("--jobs", type=_jobs, metavar="N", help="workers at the same time (default: one for each core)")
    parser.add_argument(
        "--prove",
        action="store_true",
        help="use pipes only, so that 'strace -f -e trace=%%network' shows that there is no network call at all",
    )
    options.add_examination(parser)


def _add_walk_arguments(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out what matches; gitignore syntax, relative to each PATH; may be repeated",
    )
    group.add_argument("--one-file-system", action="store_true", help="do not enter other file systems")
    group.add_argument("--follow-symlinks", action="store_true", help="open what symbolic links point to")
    group.add_argument(
        "--max-size", type=options.size, metavar="SIZE", help="report larger files as not examined (default: no bound)"
    )
    group.add_argument("-r", "--recursive", action="store_true", help="has no effect: folders are always entered")


def _add_report_arguments(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    group.add_argument("--output", metavar="FILE", help="write the report to FILE")
    group.add_argument("--quiet", action="store_true", help="text: findings and problems only, no summary, no progress")
    group.add_argument(
        "--progress", choices=("auto", "always", "never"), default="auto", help="a live bar (default: on a terminal)"
    )
    group.add_argument(
        "--clamscan-exit-codes", action="store_true", help="exit with 2 for every error, as clamscan does"
    )


def run(args: argparse.Namespace) -> int:
    """Scan, report, and return the exit status."""
    if not (args.paths or args.stdin or args.files_from):
        raise UsageError("nothing to scan: name files or folders, --files-from or --stdin")
    if args.stdin and args.files_from == "-":
        raise UsageError("--stdin and --files-from - cannot share standard input")
    bundles = databases.resolve(args.database)
    began = time.time()
    summary = Summary()
    walk = Walk(_walk_options(args))
    with (
        options.open_pool(args, bundles, jobs=args.jobs, all_matches=args.all_matches, prove=args.prove) as pool,
        _output(args.output) as stream,
    ):
        # Only now: the bar is a thread, and the pool has forked.
        with _screen(args, summary) as screen:
            writer = _writer(args, stream, screen)
            _report(pool, _entries(args, walk, screen), summary, writer)
        summary.seconds = time.time() - began
        summary.left_out = {reason.value: count for reason, count in walk.left_out.items()}
        writer.end(
            Run(
                version=__version__,
                targets=tuple(args.paths),
                databases=databases.names(args.database, bundles),
                sandbox=pool.sandbox or "no worker was needed",
                started=began,
            ),
            summary,
        )
    return summary.exit_status


def _report(pool: Pool, entries: Iterator[Entry], summary: Summary, writer: ReportWriter) -> None:
    """Hand on every report; Ctrl-C ends this between two files, and marks the summary."""
    with _Interruptible() as interruptible, closing(pool.scan(entries)) as finished:
        try:
            while (item := interruptible.next(finished)) is not None:
                summary.add(item.report)
                writer.file(item.path, item.report)
        except KeyboardInterrupt:
            summary.interrupted = True


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

    def next(self, items: Iterator[Finished]) -> Finished | None:
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


def _walk_options(args: argparse.Namespace) -> WalkOptions:
    return WalkOptions(
        exclude=tuple(args.exclude),
        one_file_system=args.one_file_system,
        follow_symlinks=args.follow_symlinks,
        maximum_size=args.max_size,
    )


def _entries(args: argparse.Namespace, walk: Walk, screen: "Screen | _Plain") -> Iterator[Entry]:
    named = {os.fsencode(path): path for path in args.paths}
    for entry in walk.entries(named):
        if entry.problem and entry.path in named:
            screen.line(f"freehold: {printable_path(entry.path)}: {printable(entry.problem.detail)}", sys.stderr)
        screen.current = entry.path
        yield entry
    if args.files_from:
        for entry in walk.entries(_listed(args.files_from, b"\0" if args.null else b"\n")):
            screen.current = entry.path
            yield entry
    if args.stdin:
        yield spool(sys.stdin.fileno(), STDIN_NAME)


def _listed(source: str, separator: bytes) -> Iterator[bytes]:
    """Yield the paths that a file lists, without reading it whole."""
    try:
        with open(0 if source == "-" else source, "rb", closefd=source != "-") as file:
            rest = b""
            while chunk := file.read1(LIST_CHUNK):
                *names, rest = (rest + chunk).split(separator)
                yield from filter(None, names)
                if len(rest) > LONGEST_NAME:
                    raise UsageError(f"{source}: a name is longer than {LONGEST_NAME} bytes; is -0 missing?")
            if rest:
                yield rest
    except OSError as error:
        raise UsageError(f"cannot read the list of files: {error.strerror}: {source}") from error


def _counter(args: argparse.Namespace) -> Callable[[], Iterator[int]] | None:
    """Return how to count what is to be done, or None when that is not known before its end."""
    if args.files_from or args.stdin:
        return None
    return lambda: Walk(_walk_options(args)).count(os.fsencode(path) for path in args.paths)


class _Plain:
    """The screen without a bar."""

    current = b""

    def line(self, text: str, stream: TextIO) -> None:
        print(text, file=stream)


def _screen(args: argparse.Namespace, summary: Summary) -> "AbstractContextManager[Screen | _Plain]":
    if not _wants_bar(args):
        return nullcontext(_Plain())
    from freehold.frontends.cli.progress import Screen

    return Screen(summary, _counter(args))


def _wants_bar(args: argparse.Namespace) -> bool:
    if args.progress != "auto":
        return bool(args.progress == "always")
    mixed = args.format != "text" and not args.output and sys.stdout.isatty()
    return sys.stderr.isatty() and not args.quiet and not mixed


def _output(name: str | None) -> AbstractContextManager[TextIO]:
    if name is None:
        return nullcontext(sys.stdout)
    try:
        return Path(name).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write the report: {error.strerror}: {name}") from error


def _writer(args: argparse.Namespace, stream: TextIO, screen: "Screen | _Plain") -> ReportWriter:
    if args.format == "jsonl":
        from freehold.responses.report_jsonl import JsonlReport

        return JsonlReport(stream)
    if args.format == "sarif":
        from freehold.responses.report_sarif import SarifReport

        return SarifReport(stream)
    if args.format == "html":
        from freehold.responses.report_html import HtmlReport

        return HtmlReport(stream)
    from freehold.responses.report_text import TextReport

    return TextReport(lambda text: screen.line(text, stream), quiet=args.quiet)


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {MOST_JOBS}")
    return int(text)
