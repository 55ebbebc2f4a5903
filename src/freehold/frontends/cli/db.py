"""``freehold db``: compile signatures, look at compiled databases, and prove that rules spare known-good files."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from freehold.bundle import Bundle
from freehold.frontends.cli import dbinfo, dbtest, gate, options
from freehold.responses.wording import count_text, printable, size_text

_EXAMPLES = """examples:
  freehold db build rules/ more.hdb -o local.fhdb
  freehold scan --database local.fhdb /srv
  freehold db build today.ldb exceptions.fp --base local.fhdb -o local.fhdb
  freehold db info local.fhdb
  freehold db verify local.fhdb
  freehold db test rules/new.ldb
  freehold db gate --known-good --database rules/
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    build = actions.add_parser("build", help="compile signature files into a database")
    build.add_argument("sources", metavar="SRC", nargs="+", type=Path, help="signature files and folders of them")
    build.add_argument(
        "-o", "--output", metavar="OUT", required=True, type=Path, help="directory; replaced in one step"
    )
    build.add_argument(
        "--base",
        metavar="OLD",
        type=Path,
        help="a compiled database to build on: its segments are shared (hard links), only SRC is compiled; what SRC "
        "allows or ignores counts for all",
    )
    build.add_argument("--strict", action="store_true", help="build nothing if any signature cannot be honoured")
    options.add_unwanted(build)
    build.set_defaults(action=_build)
    info = actions.add_parser("info", help="show what a compiled database holds")
    info.add_argument("bundle", metavar="BUNDLE", type=Path)
    info.add_argument("--json", action="store_true", help="as one JSON object")
    info.set_defaults(action=_info)
    verify = actions.add_parser("verify", help="read every byte of a compiled database and compare checksums")
    verify.add_argument("bundle", metavar="BUNDLE", type=Path)
    verify.set_defaults(action=_verify)
    tested = actions.add_parser("test", help="try signatures on carriers that they must match and near misses")
    dbtest.add_arguments(tested)
    tested.set_defaults(action=dbtest.run)
    checked = actions.add_parser("gate", help="scan known-good files; any detection is a fault of the signatures")
    gate.add_arguments(checked)
    checked.set_defaults(action=gate.run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status."""
    action: Callable[[argparse.Namespace], int] = args.action
    return action(args)


def _build(args: argparse.Namespace) -> int:
    from freehold.signatures.compile import build

    with shown() as progress:
        result = build(
            args.sources,
            args.output,
            strict=args.strict,
            unwanted=args.detect_pua,
            progress=progress,
            base=args.base,
        )
    for rejected in result.rejected:
        print(f"{printable(rejected.source)}:{rejected.line}: left out: {printable(rejected.reason)}", file=sys.stderr)
    total = sum(result.counts.values())
    languages = ", ".join(f"{count:,} {name}" for name, count in sorted(result.counts.items()))
    below = f" on top of {args.base}" if args.base else ""
    print(f"{args.output}: {count_text(total, 'signature')} ({languages}){below}, {len(result.rejected):,} left out")
    return 0


@contextmanager
def shown() -> Iterator[Callable[[str, float], None]]:
    """Give a function that shows how far a build is, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _text, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, share: bar.update(task, description=printable(text), completed=share)


def _info(args: argparse.Namespace) -> int:
    bundle = Bundle.open(args.bundle)
    facts = dbinfo.facts_of(bundle)
    if args.json:
        print(json.dumps(facts, indent=2))
    else:
        for line in dbinfo.lines_of(facts):
            print(line)
    return 0


def _verify(args: argparse.Namespace) -> int:
    bundle = Bundle.open(args.bundle)
    bundle.verify()
    print(f"{args.bundle}: every checksum is right ({size_text(sum(segment.size for segment in bundle.segments))})")
    return 0
