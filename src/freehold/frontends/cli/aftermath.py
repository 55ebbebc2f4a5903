"""What follows a scan besides its report: the history, a log collector, metrics, a notification."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from freehold.model.report import Report
from freehold.responses.summary import ReportWriter, Run, Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``writers`` reads."""
    group = parser.add_argument_group("afterwards")
    group.add_argument(
        "--history",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="record the scan for 'freehold history' and 'freehold report' (default: it is recorded)",
    )
    group.add_argument("--notify", action="store_true", help="notify on the desktop when something was found")
    group.add_argument("--prometheus", metavar="FILE", help="write metrics for the node exporter's textfile collector")
    group.add_argument(
        "--syslog", metavar="ADDRESS", help="send findings as CEF lines: /dev/log, udp://HOST:514, tcp://HOST:601"
    )


class _Follower(ReportWriter, Protocol):
    """A report writer that never raises; what did not work is its ``trouble``."""

    trouble: str


class Aftermath:
    """A report writer that hands everything on to several; none of them can make the scan fail.

    Args:
        args: as ``add_arguments`` made them.
        report: what the user asked for, first.

    Raises:
        UsageError: something that was asked for cannot be had.
    """

    def __init__(self, args: argparse.Namespace, report: ReportWriter) -> None:
        self._followers = list(_followers(args))
        self._writers: Sequence[ReportWriter] = [report, *self._followers]

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        for writer in self._writers:
            writer.file(path, report)

    def end(self, run: Run, summary: Summary) -> None:
        """See ``ReportWriter``."""
        for writer in self._writers:
            writer.end(run, summary)

    @property
    def troubles(self) -> list[str]:
        """What did not work, a sentence each."""
        return [follower.trouble for follower in self._followers if follower.trouble]


def _followers(args: argparse.Namespace) -> Iterator[_Follower]:
    """Yield what was asked for; a library is imported only for who uses it."""
    if args.history:
        from freehold.responses.history import Recorder, usual_file

        yield Recorder(usual_file())
    if args.prometheus:
        from freehold.responses.prometheus import PrometheusReport

        yield PrometheusReport(Path(args.prometheus))
    if args.syslog:
        from freehold.responses.syslog import SyslogReport

        yield SyslogReport(args.syslog)
    if args.notify:
        from freehold.responses.desktop import DesktopNotice

        yield DesktopNotice()
