"""``freehold report``: what all scans of a time found, for people, spreadsheets and log collectors."""

import argparse
import csv
import json
import sys
from collections.abc import Iterable
from typing import TextIO

from freehold.frontends.cli.history import finding_object, scan_object
from freehold.frontends.cli.moments import moment
from freehold.frontends.cli.scan_output import output
from freehold.model.errors import UsageError
from freehold.responses import events
from freehold.responses.cells import cell
from freehold.responses.history import Finding, History, usual_file
from freehold.responses.wording import printable_path

_EXAMPLES = """\
ocsf and ecs are JSON lines, cef are lines of the Common Event Format. csv has a row for each finding.
Nothing is sent anywhere unless --syslog names a log collector.

examples:
  freehold report --since 30d --format html --output month.html
  freehold report --since 2026-01-01 --format csv > findings.csv
  freehold report --since 1d --format ocsf | vector --config siem.toml
  freehold report --since 1d --format cef --syslog udp://siem.example:514
"""

_COLUMNS = (
    "time",
    "scan",
    "verdict",
    "name",
    "category",
    "path",
    "artifact",
    "size",
    "sha256",
    "source",
    "description",
    "action",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--since", type=moment, default="30d", metavar="TIME", help="7d, 2026-01-31, … (default: %(default)s)"
    )
    parser.add_argument(
        "--format", choices=("html", "json", "csv", *events.FORMS), default="html", help="default: %(default)s"
    )
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument("--syslog", metavar="ADDRESS", help="send cef lines: /dev/log, udp://HOST:514, tcp://HOST:601")


def run(args: argparse.Namespace) -> int:
    """Write the report of a time."""
    with History(usual_file()) as history:
        if args.syslog:
            return _send(args, history)
        with output(args.output) as stream:
            if args.format == "html":
                from freehold.responses.report_trend import write_trend

                write_trend(stream, list(history.scans(args.since)), list(history.findings(args.since)), args.since)
            elif args.format == "json":
                _write_json(stream, history, args.since)
            elif args.format == "csv":
                _write_csv(stream, history.findings(args.since))
            else:
                for line in events.lines(history.findings(args.since), args.format):
                    stream.write(line + "\n")
    return 0


def _send(args: argparse.Namespace, history: History) -> int:
    from freehold.responses.syslog import Address

    if args.format not in {"html", "cef"} or args.output:
        raise UsageError("--syslog sends cef lines; it does not go with --output or another --format")
    address = Address(args.syslog)
    try:
        count = address.send(events.lines(history.findings(args.since), "cef"))
    except OSError as error:
        raise UsageError(f"{address.text} takes nothing: {error.strerror or error}") from error
    print(f"{count:,} sent to {address.text}", file=sys.stderr)
    return 0


def _write_json(stream: TextIO, history: History, since: float) -> None:
    whole = {
        "scans": [scan_object(scan) for scan in history.scans(since)],
        "findings": [finding_object(finding) for finding in history.findings(since)],
    }
    json.dump(whole, stream, indent=2)
    stream.write("\n")


def _write_csv(stream: TextIO, findings: Iterable[Finding]) -> None:
    writer = csv.writer(stream, lineterminator="\r\n")  # RFC 4180
    writer.writerow(_COLUMNS)
    for finding in findings:
        values = finding_object(finding) | {"path": printable_path(finding.path)}
        writer.writerow([cell(values[column]) for column in _COLUMNS])
