"""The command line that TUF's conformance suite tests, with the fetcher and the store that ``freehold update`` uses.

python -m freehold.updates.client.conformance --metadata-dir DIR [--metadata-url URL] init|refresh|download …

https://github.com/theupdateframework/tuf-conformance describes it in CLIENT-CLI.md.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from freehold.model.errors import FreeholdError
from freehold.updates.client.fetcher import Fetcher
from freehold.updates.client.origins import Mirror
from freehold.updates.client.refusals import Unreachable
from freehold.updates.client.transfer import Client
from freehold.updates.client.trust import Trust, pin


def main() -> int:
    """Do one of the three commands; returns 0, or 1 when anything was refused."""
    args = _arguments()
    try:
        if args.command == "init":
            pin(args.metadata_dir, args.root.read_bytes())
        else:
            _follow(args)
    except (FreeholdError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A TUF client, for the conformance suite.")
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--metadata-url", default="")
    parser.add_argument("--target-name", action="append", default=[])
    parser.add_argument("--target-base-url", default="")
    parser.add_argument("--target-dir", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    return parser.parse_args()


def _follow(args: argparse.Namespace) -> None:
    top = args.metadata_url.rstrip("/").removesuffix("metadata")
    with closing(Client()) as client:
        trust = Trust(args.metadata_dir, Fetcher(Mirror(top, client)))
        trust.refresh()
        for name in args.target_name:
            target = trust.target(name)
            if target is None:
                raise Unreachable(f"{name}: there is no such target")
            path = args.target_dir / quote(name, "")
            if not trust.has(target, path):
                trust.download(target, path)


if __name__ == "__main__":
    sys.exit(main())
