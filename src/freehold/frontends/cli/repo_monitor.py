"""``freehold repo monitor``: watch a publisher from outside."""

import argparse
import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.frontends.cli import options
from freehold.frontends.cli.repo_origin import add_origin, first_root, opened
from freehold.model.errors import FreeholdError
from freehold.responses.wording import printable

if TYPE_CHECKING:
    from freehold.updates.monitoring.findings import Finding
    from freehold.updates.monitoring.following import Monitor

_EXAMPLES = """\
Follows the public log of a repository with a memory of its own, makes every release again from its inputs, and tells
what differs: a log that was rewritten, a release that too few have signed, that is not what its inputs give, that is
offered but was never logged, that is held back. Evidence is kept below DIR. Anybody can do this; somebody should.

exit status: 0 nothing is wrong, 1 an alarm, 2 something could not be checked (and no alarm), 3 or higher: usage or
internal errors; with --every, what the worst look has found

examples:
  freehold repo monitor https://updates.example.org --data ./watch --root-sha256 5f0c…
  freehold repo monitor /srv/mirror --data ./watch --root root.json --format jsonl
  freehold repo monitor https://updates.example.org --data ./watch --ask-witnesses --every 3600
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    add_origin(parser)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder for what was seen, and evidence"
    )
    parser.add_argument(
        "--ask-witnesses", action="store_true", help="compare with what the witnesses of the policy say, too"
    )
    parser.add_argument("--every", type=options.seconds, metavar="SECONDS", help="look again and again (default: once)")
    parser.add_argument(
        "--stale",
        type=options.seconds,
        default=86_400.0,
        metavar="SECONDS",
        help="age of the witnesses' newest word that is an alarm (default: %(default).0f)",
    )
    parser.add_argument("--format", choices=("text", "jsonl"), default="text", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Look once, or until somebody ends it."""
    from freehold.updates.locks import exclusive
    from freehold.updates.monitoring.following import Monitor
    from freehold.updates.monitoring.repository import Repository
    from freehold.updates.tlog.notes import LARGEST as NOTE_BYTES

    trust, worst = args.data / "trust", 0
    with (
        exclusive(args.data, f"another monitor works in {args.data}"),
        opened(args.origin) as (origin, client),
        Repository(origin, trust, first_root(args, origin, trust)) as repository,
        contextlib.suppress(KeyboardInterrupt),
    ):
        ask = (lambda address: client.get(address, NOTE_BYTES) or b"") if args.ask_witnesses else None
        monitor = Monitor(repository, args.data, ask=ask, stale=args.stale)
        while True:
            worst = _worse(worst, _look(args, monitor))
            if args.every is None:
                break
            time.sleep(args.every)
    return worst


def _look(args: argparse.Namespace, monitor: "Monitor") -> int:
    from freehold.updates.monitoring.findings import Severity

    status = 0
    for finding in _findings(monitor):
        print(_line(finding, args.format), flush=True)
        status = _worse(status, {Severity.ALARM: 1, Severity.UNCHECKED: 2}.get(finding.severity, 0))
    known = monitor.memory
    if args.format == "text":
        verdict = {0: "nothing is wrong", 1: "ALARM", 2: "not everything could be checked"}[status]
        print(f"{known.log.size} entries of the log, release {known.seq or 'none'}: {verdict}", flush=True)
    return status


def _findings(monitor: "Monitor") -> Iterator["Finding"]:
    from freehold.updates.monitoring.findings import Finding, Severity

    try:
        yield from monitor.look()
    except OSError as error:
        yield Finding(Severity.UNCHECKED, "memory", f"what was seen cannot be kept: {error}")
    except FreeholdError as error:
        yield Finding(Severity.UNCHECKED, "memory", str(error))


def _line(finding: "Finding", form: str) -> str:
    if form == "jsonl":
        return json.dumps(dataclasses.asdict(finding))
    place = "" if finding.entry is None else f"entry {finding.entry}: "
    label = "ALARM" if finding.severity == "alarm" else finding.severity
    return f"{label} {place}{printable(finding.text)}"


def _worse(one: int, other: int) -> int:
    """Return the worse of two exit statuses: an alarm outweighs what could not be checked."""
    return 1 if 1 in {one, other} else max(one, other)
