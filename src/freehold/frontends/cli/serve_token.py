"""``freehold serve token``: who may use the web API."""

import argparse
import json
from pathlib import Path

from freehold.frontends.http import tokens
from freehold.model.errors import UsageError

_EXAMPLES = """\
A token is shown once, when it is made; the file keeps only a digest of it. A running daemon notices changes.

exit status: 0 done, 3 or higher: usage or internal errors

examples:
  freehold serve token add nextcloud
  freehold serve token list --format json
  freehold serve token remove nextcloud
  freehold serve --http 127.0.0.1:8080 --http-tokens /etc/freehold/http-tokens
"""


def add_parser(parser: argparse.ArgumentParser) -> None:
    """Add the verbs to the parser of ``freehold serve``."""
    below = parser.add_subparsers(dest="verb", metavar="token", help="make, list and remove tokens of the web API")
    token = below.add_parser(
        "token",
        description="Make, list and remove tokens of the web API.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = token.add_subparsers(dest="change", required=True, metavar="add|list|remove")
    for name, what in (("add", "make a token, and print it"), ("list", "list them"), ("remove", "remove one")):
        verb = verbs.add_parser(name, help=what, description=f"{what.capitalize()}.")
        if name == "list":
            verb.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
        else:
            verb.add_argument("name", metavar="NAME", help="of the program or person that has it")
        verb.add_argument("--file", type=Path, metavar="FILE", help=f"default: {tokens.usual_file()}")


def run(args: argparse.Namespace) -> int:
    """Make, list or remove."""
    path = args.file or tokens.usual_file()
    try:
        if args.change == "add":
            print(tokens.add(path, args.name))
        elif args.change == "remove":
            tokens.remove(path, args.name)
        else:
            _list(path, args.format)
    except OSError as error:
        raise UsageError(f"the tokens cannot be written: {error.strerror}: {path}") from error
    return 0


def _list(path: Path, form: str) -> None:
    found = tokens.read(path) if path.exists() else []
    if form == "json":
        print(json.dumps([{"name": token.name, "created": token.created} for token in found], indent=2))
    else:
        lines = [f"{token.name:<32} {token.created}" for token in found]
        print(*(lines or ["There are no tokens."]), sep="\n")
