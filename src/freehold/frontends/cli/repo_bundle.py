"""``freehold repo bundle``: a public tree in one file, for machines without a network."""

import argparse
from pathlib import Path

from freehold.frontends.cli import repo_options as shared
from freehold.frontends.cli.repo_mirror import add_origin
from freehold.responses.wording import size_text

_EXAMPLES = """\
A bundle is a tar of what clients need of a tree. It is verified like a mirror: signatures, log, witnesses; so it does
not matter who carried it. 'freehold update --from FILE' takes it as it is; 'import' makes a mirror of it, for a site.

examples:
  freehold repo bundle export https://example.com/core/ core.fhb
  freehold repo bundle export ./repo/public core.fhb --since 812      for those who have release 812 or a later one
  freehold repo bundle import core.fhb /srv/www/core
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    export = verbs.add_parser("export", help="write a bundle")
    add_origin(export)
    export.add_argument("file", metavar="FILE", type=Path, help="the bundle, by custom *.fhb")
    export.add_argument(
        "--since", type=int, default=0, metavar="N", help="leave out what nobody needs who has release N or a later one"
    )
    export.add_argument("--inputs", action="store_true", help="plans and signature files, too")
    shared.add_json(export)
    imported = verbs.add_parser("import", help="bring a mirror up to date from a bundle")
    imported.add_argument("file", metavar="FILE", help="the bundle")
    imported.add_argument("folder", metavar="DIR", type=Path, help="where the mirror is, or is to be")
    shared.add_json(imported)


def run(args: argparse.Namespace) -> int:
    """Write or read a bundle."""
    from freehold.updates.client.origins import Bundle, origin
    from freehold.updates.client.transfer import Client
    from freehold.updates.publish import copying

    with shared.shown() as progress:
        if args.verb == "export":
            extent = copying.Extent(since=args.since, inputs=args.inputs)
            copied = copying.export(origin(args.origin, Client()), args.file, extent, progress)
            place, size = args.file, args.file.stat().st_size
        else:
            copied = copying.mirror(Bundle(Path(args.file)), args.folder, copying.Extent(partial=True), progress)
            place, size = args.folder, copied.bytes
    facts = {"seq": copied.seq, "files": copied.files, "bytes": size}
    shared.answer(args, facts, [f"release {copied.seq} is in {place}: {copied.files:,} files, {size_text(size)}"])
    return 0
