"""``freehold explain``: why a file is what Freehold says it is, or what a signature says, in words."""

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
exit status: for a file as 'freehold scan', for a signature 0

examples:
  freehold explain invoice.zip
  freehold explain --format json invoice.zip | jq '.artifacts[] | {artifact, type}'
  freehold explain --database my-rules.yar sample.bin
  freehold explain 'Win.Trojan.X;Engine:51-255,Target:1;0&1;EP+0:558bec??6aff;6576696c::iw'
  freehold explain --database main.ldb Win.Malware.Ursu-6816231-0
  freehold explain Webshell.PHP.ClassicPanels
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "subject",
        metavar="FILE|SIGNATURE",
        help="a file; or a signature: its text in any language, or its name in source files that --database names",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    options.add_examination(parser)
    options.add_unwanted(parser)


def run(args: argparse.Namespace) -> int:
    """Examine one file to the end and show everything that is known of it; or put a signature into words."""
    if not os.path.lexists(args.subject):
        return _explain_signature(args)
    entry = single_entry(os.fsencode(args.subject), "explain")
    bundles = databases.resolve(args.database, unwanted=args.detect_pua)
    summary = Summary()
    with options.open_pool(args, bundles, jobs=1, all_matches=True, tree=True) as pool:
        for finished in pool.scan([entry]):
            summary.add(finished.report)
            if args.format == "json":
                print(json.dumps(explanation_object(finished.path, finished.report), indent=2))
            else:
                print(*explanation_lines(finished.path, finished.report), sep="\n")
    return summary.exit_status


def _explain_signature(args: argparse.Namespace) -> int:
    from freehold.frontends.cli import asked
    from freehold.frontends.cli.described import described_lines, described_object
    from freehold.model.signature import Rejected
    from freehold.signatures.describe.signature import describe

    for found in asked.signatures(args.subject, args.database):
        if isinstance(found.signature, Rejected):
            raise UsageError(f"'{args.subject}' cannot be read as a {found.suffix} signature: {found.signature.reason}")
        for described in describe(found.signature):
            if args.format == "json":
                print(json.dumps(described_object(described), indent=2))
            else:
                print(*described_lines(described), sep="\n")
    return 0


def single_entry(path: bytes, command: str) -> Entry:
    """Open the one file that a command examines; raises ``UsageError`` when it cannot be opened."""
    if os.path.isdir(path):  # noqa: PTH112 -- paths are bytes
        raise UsageError(f"{command} takes one file; 'freehold scan' takes folders")
    entry = next(Walk(WalkOptions()).entries([path]))
    if entry.problem:
        raise UsageError(f"{os.fsdecode(path)}: {entry.problem.detail}")
    return entry
