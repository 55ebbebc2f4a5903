"""Where the results of ``freehold scan`` go: a report, and a terminal with a live bar."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from freehold.model.errors import UsageError
from freehold.responses.summary import ReportWriter, Summary

if TYPE_CHECKING:
    from freehold.frontends.cli.progress import Screen


class Plain:
    """The screen without a bar."""

    current = b""

    def line(self, text: str, stream: TextIO) -> None:
        """Print one line that is already safe to print; who reads a pipe sees it at once, too."""
        print(text, file=stream, flush=True)


def screen(
    args: argparse.Namespace, summary: Summary, count: Callable[[], Iterator[int]] | None
) -> "AbstractContextManager[Screen | Plain]":
    """Return what shows progress, as the options and the terminal want it."""
    if not _wants_bar(args):
        return nullcontext(Plain())
    from freehold.frontends.cli.progress import Screen

    return Screen(summary, count)


def _wants_bar(args: argparse.Namespace) -> bool:
    if args.progress != "auto":
        return bool(args.progress == "always")
    mixed = args.format != "text" and not args.output and sys.stdout.isatty()
    return sys.stderr.isatty() and not args.quiet and not mixed


def output(name: str | None) -> AbstractContextManager[TextIO]:
    """Open what the report is written to; raises ``UsageError``."""
    if name is None:
        return nullcontext(sys.stdout)
    try:
        return Path(name).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write the report: {error.strerror}: {name}") from error


def writer(args: argparse.Namespace, stream: TextIO, line: Callable[[str], None]) -> ReportWriter:
    """Return what writes the report: into ``stream``, or for text ``line`` by line."""
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

    return TextReport(line, quiet=args.quiet)
