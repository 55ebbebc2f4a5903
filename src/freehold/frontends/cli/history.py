"""``freehold history``: the scans of this user on this machine."""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from freehold.frontends.cli.moments import age, moment
from freehold.model.errors import UsageError
from freehold.responses.history import Finding, History, Scan, usual_file
from freehold.responses.wording import count_text, printable, printable_path, seconds_text, size_text

_EXAMPLES = """\
Each scan is recorded on this machine, for its user alone, unless it was run with --no-history.

examples:
  freehold history
  freehold history list --since 7d --format json
  freehold history show 12
  freehold history prune --older-than 90d
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.set_defaults(verb="list", since=0.0, limit=20, format="text")
    verbs = parser.add_subparsers(dest="verb", metavar="list|show|prune")
    listing = verbs.add_parser("list", help="the scans, the latest first", description="List scans.")
    listing.add_argument("--since", type=moment, default=0.0, metavar="TIME", help="7d, 2026-01-31; default: all")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most N; 0: all (default: %(default)s)")
    listing.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    show = verbs.add_parser("show", help="one scan with all that it found", description="Show one scan.")
    show.add_argument("number", type=int, metavar="NUMBER", help="of the scan, as 'list' shows it")
    show.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    prune = verbs.add_parser("prune", help="forget old scans", description="Forget old scans.")
    prune.add_argument("--older-than", type=age, required=True, metavar="AGE", help="90d, 12h, 4w")


def run(args: argparse.Namespace) -> int:
    """List, show or forget scans."""
    with History(usual_file()) as history:
        if args.verb == "prune":
            print(f"{count_text(history.prune(time.time() - args.older_than), 'scan')} forgotten")
        elif args.verb == "show":
            _show(history, args.number, args.format)
        else:
            _list(history, args)
    return 0


def scan_object(scan: Scan) -> dict[str, Any]:
    """Return a scan for programs."""
    return scan._asdict() | {"began": _iso(scan.began), "found": scan.found}


def finding_object(finding: Finding) -> dict[str, Any]:
    """Return a finding for programs; what is not UTF-8 in its path appears as lone surrogates, as in jsonl reports."""
    return finding._asdict() | {
        "time": _iso(finding.time),
        "path": finding.path.decode("utf-8", "surrogateescape"),
    }


def when(seconds: float) -> str:
    """Return a time for people, local."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _list(history: History, args: argparse.Namespace) -> None:
    scans = list(history.scans(args.since))
    shown = scans[: args.limit] if args.limit > 0 else scans
    if args.format == "json":
        print(json.dumps([scan_object(scan) for scan in shown], indent=2))
        return
    print(f"{'':>5}  {'began':<16}  {'took':>9}  {'files':>9}  {'found':>6}  {'open':>6}  asked for")
    for scan in shown:
        print(_row(scan))
    if len(shown) < len(scans):
        print(f"… and {len(scans) - len(shown):,} more: --limit 0 shows all")


def _row(scan: Scan) -> str:
    targets = printable(", ".join(scan.targets)) or "a list"
    return (
        f"{scan.number:>5}  {when(scan.began)}  {seconds_text(scan.seconds):>9}  {scan.files:>9,}  {scan.found:>6,}"
        f"  {scan.verdicts.get('incomplete', 0):>6,}  {targets}{'  (interrupted)' if scan.interrupted else ''}"
    )


def _show(history: History, number: int, form: str) -> None:
    scan = next(history.scans(number=number), None)
    if scan is None:
        raise UsageError(f"there is no scan {number}; 'freehold history' lists them")
    findings = list(history.findings(number=number))
    if form == "json":
        print(json.dumps(scan_object(scan) | {"findings": [finding_object(f) for f in findings]}, indent=2))
    else:
        print(*_details(scan, findings), sep="\n")


def _details(scan: Scan, findings: list[Finding]) -> Iterator[str]:
    yield f"Scan {scan.number}, {when(scan.began)}, {seconds_text(scan.seconds)}, Freehold {scan.version}"
    yield f"  asked for   {printable(', '.join(scan.targets)) or 'a list of files or standard input'}"
    yield f"  signatures  {printable(', '.join(scan.databases))}"
    yield f"  sandbox     {printable(scan.sandbox)}"
    yield f"  examined    {count_text(scan.files, 'file')}, {size_text(scan.bytes)}"
    yield f"  verdicts    {', '.join(f'{count:,} {name}' for name, count in scan.verdicts.items()) or 'none'}"
    if scan.problems:
        yield f"  problems    {', '.join(f'{count:,} {kind}' for kind, count in scan.problems.items())}"
    if scan.interrupted:
        yield "  interrupted before its end"
    for finding in findings:
        done = f" ({finding.action})" if finding.action else ""
        yield f"{printable_path(finding.path)}: {finding.verdict.upper()} {printable(finding.name)}{done}"


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
