"""``freehold explain``: why a file is what Freehold says it is."""

import argparse
import json
import os

from freehold.frontends.cli import databases, options
from freehold.model.errors import UsageError
from freehold.responses.explanation import explanation_lines, explanation_object
from freehold.responses.summary import Summary
from freehold.service.entry import Entry
from freehold.service.walk import Walk, WalkOptions

_EXAMPLES = """\
exit status: as 'freehold scan'

examples:
  freehold explain invoice.zip
  freehold explain --format json invoice.zip | jq '.artifacts[] | {artifact, type}'
  freehold explain --database my-rules.yar sample.bin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the file to explain")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    options.add_examination(parser)


def run(args: argparse.Namespace) -> int:
    """Examine one file to the end and show everything that is known of it."""
    entry = _entry(os.fsencode(args.file))
    bundles = databases.resolve(args.database)
    summary = Summary()
    with options.open_pool(args, bundles, jobs=1, all_matches=True, tree=True) as pool:
        for finished in pool.scan([entry]):
            summary.add(finished.report)
            if args.format == "json":
                print(json.dumps(explanation_object(finished.path, finished.report), indent=2))
            else:
                print(*explanation_lines(finished.path, finished.report), sep="\n")
    return summary.exit_status


def _entry(path: bytes) -> Entry:
    if os.path.isdir(path):  # noqa: PTH112 -- paths are bytes
        raise UsageError("explain takes one file; 'freehold scan' takes folders")
    entry = next(Walk(WalkOptions()).entries([path]))
    if entry.problem:
        raise UsageError(f"{os.fsdecode(path)}: {entry.problem.detail}")
    return entry
