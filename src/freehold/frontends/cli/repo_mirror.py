"""``freehold repo mirror``: a copy of a public tree."""

import argparse
from pathlib import Path

from freehold.frontends.cli import repo_options as shared
from freehold.responses.wording import size_text

_EXAMPLES = """\
Copies what clients need, and compares hashes on the way; 'head' comes last, so clients of the copy never see half of a
release. Nobody needs to trust a mirror. Do it again to bring the copy up to date: only what is new is fetched. Any
other way to copy the tree does, too (rsync, cp), if 'head' is copied last and keeps its time.

examples:
  freehold repo mirror https://example.com/core/ /srv/www/core
  freehold repo mirror ./repo/public /media/stick/core
  freehold repo mirror https://example.com/core/ ./repo/public --history     to make the next release from the copy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    add_origin(parser)
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the copy is, or is to be")
    parser.add_argument(
        "--inputs", action="store_true", help="plans and signature files, too, to make the release again"
    )
    parser.add_argument("--history", action="store_true", help="everything of earlier releases, too")
    shared.add_json(parser)


def add_origin(parser: argparse.ArgumentParser) -> None:
    """Add where a tree is copied from."""
    parser.add_argument("origin", metavar="FROM", help="address, folder, or bundle (.fhb) with a public tree")


def run(args: argparse.Namespace) -> int:
    """Copy."""
    from freehold.updates.client.origins import origin
    from freehold.updates.client.transfer import Client
    from freehold.updates.publish import copying

    extent = copying.Extent(inputs=args.inputs, history=args.history)
    with shared.shown() as progress:
        copied = copying.mirror(origin(args.origin, Client()), args.folder, extent, progress)
    facts = {"seq": copied.seq, "files": copied.files, "bytes": copied.bytes}
    said = f"release {copied.seq} is in {args.folder}: {copied.files:,} new files, {size_text(copied.bytes)}"
    shared.answer(args, facts, [said])
    return 0
