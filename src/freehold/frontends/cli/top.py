"""``freehold top``: what the daemon does at this moment."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freehold.frontends.cli import options
from freehold.frontends.control import client
from freehold.responses.wording import printable, seconds_text, size_text

_WIDE = 100
_HOME, _CLEAR_REST = "\x1b[H", "\x1b[J"

_EXAMPLES = """\
Slowest are the requests of the last ten to twenty minutes; signatures are those that have hit most often.

examples:
  freehold top
  freehold top --once                    print one view and end
  freehold top --json --once | jq .requests_per_second
  freehold top --control /run/freehold/control.sock --interval 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--control", type=Path, metavar="PATH", help="the daemon's control socket (default: the usual one)"
    )
    parser.add_argument("--once", action="store_true", help="print one view and end")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each view")
    parser.add_argument(
        "--interval", type=options.seconds, default=2.0, metavar="SECONDS", help="between views (default: %(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    """Show views until somebody interrupts."""
    path = args.control or client.usual_path()
    live = sys.stdout.isatty() and not (args.once or args.json)
    try:
        while True:
            status = client.ask(path, "status")
            text = json.dumps(status) if args.json else "\n".join(view(status))
            ends = f"{_CLEAR_REST}" if live else ""
            print(f"{_HOME + ends if live else ''}{text}", flush=True)
            if args.once:
                return 0
            time.sleep(args.interval)
    except KeyboardInterrupt:
        return 0


def view(status: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a view."""
    now = time.time()
    yield f"{printable(status['version'])}, up {seconds_text(now - status['began'])}"
    yield (
        f"{status['requests_per_second']:,.1f} requests/s, {size_text(status['bytes_per_second'])}/s in the last "
        f"minute; {status['requests']:,} requests, {size_text(status['bytes'])} in all"
    )
    median, late = (_quantile(status["durations"], share) for share in (0.5, 0.99))
    yield f"half of them within {median}, 99 % within {late}; {status['queued']} wait for a worker"
    verdicts = ", ".join(f"{count:,} {name}" for name, count in status["verdicts"].items()) or "nothing yet"
    yield f"{verdicts}; {status['lost_workers']} workers lost, {status['refused']} requests refused as poison"
    yield ""
    yield f"{'worker':<8}{'since':>10}  {'size':>10}  {'line':>4}  file"
    for number, worker in enumerate(status["workers"], 1):
        if worker["name"]:
            name = _short(worker["name"])
            line = (
                f"{seconds_text(worker['seconds']):>10}  {size_text(worker['size']):>10}  {worker['line']:>4}  {name}"
            )
            yield f"{number:<8}{line}"
        else:
            yield f"{number:<8}{'idle':>10}"
    if status["slowest"]:
        yield ""
        yield f"{'slowest':<10}  {'size':>10}  {'type':<12}  file"
    for slow in status["slowest"]:
        kind = printable(slow["file_type"])[:12]
        name = _short(slow["name"])
        yield f"{seconds_text(slow['seconds']):<10}  {size_text(slow['size']):>10}  {kind:<12}  {name}"
    if status["signatures"]:
        yield ""
        yield f"{'hits':<10}  signature"
    for name, hits in status["signatures"]:
        yield f"{hits:<10,}  {_short(name)}"


def _short(name: str) -> str:
    """Return a name in print; of a long one its end."""
    text = printable(name)
    return text if len(text) <= _WIDE else f"…{text[-_WIDE:]}"


def _quantile(durations: dict[str, Any], share: float) -> str:
    """Return the bound of the class in which a quantile lies."""
    wanted = share * sum(durations["counts"])
    if not wanted:
        return "—"
    seen = 0
    for bound, count in zip(durations["bounds"], durations["counts"], strict=False):
        seen += count
        if seen >= wanted:
            return seconds_text(bound)
    return f"more than {seconds_text(durations['bounds'][-1])}"
