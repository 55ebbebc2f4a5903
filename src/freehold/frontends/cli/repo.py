"""``freehold repo``: make, sign, publish, copy and watch repositories of releases.

An action is a module with ``add_arguments(parser)`` and ``run(args) -> int``, and one line in ``ACTIONS``. What needs
the libraries of the extra ``update`` imports them when it runs.
"""

import argparse
import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, cast

from freehold.model.errors import UsageError

if TYPE_CHECKING:
    from freehold.frontends.cli import CommandModule

_EXAMPLES = """\
examples: a repository with all keys at once (for trying out only)
  freehold repo init ./repo --demo
  freehold repo build ./repo /srv/rules
  freehold repo gate ./repo
  freehold repo sign ./repo --demo
  freehold repo publish ./repo              serve ./repo/public with any web server, or copy it

examples: with keys of several people and organisations
  freehold repo key new alice.pem           everybody makes a key, and sends alice.pem.pub
  freehold repo init ./repo --key root=alice.pem.pub … --key core=north.pem.pub …
  freehold repo sign ./repo --key alice.pem everybody signs; 'repo merge' brings signatures together

'freehold repo ACTION --help' has more."""


class Action(NamedTuple):
    """One line of the table of actions."""

    module: str
    help: str


ACTIONS: dict[str, Action] = {
    "key": Action("repo_key", "make keys, and describe them to others"),
    "init": Action("repo_init", "make a repository: who may sign what, which log and witnesses count"),
    "build": Action("repo_build", "make the next release out of signature files"),
    "revoke": Action("repo_revoke", "make a release without certain signatures, for all at once"),
    "gate": Action("repo_gate", "try the staged release on known-good files and positive samples"),
    "sign": Action("repo_sign", "make the staged release again, compare, and sign"),
    "merge": Action("repo_merge", "take signatures from other copies of the repository"),
    "publish": Action("repo_publish", "put what is signed into the log and the public tree"),
    "refresh": Action("repo_refresh", "say that the newest release is still the newest (every few hours)"),
    "rotate": Action("repo_rotate", "change who may sign, the policy, the mirrors; renew what expires"),
    "resign": Action("repo_resign", "take somebody else's release over, under one's own keys"),
    "overlay": Action("repo_overlay", "deny, allow and ignore on top of other feeds"),
    "mirror": Action("repo_mirror", "copy a public tree, or bring a copy up to date"),
    "bundle": Action("repo_bundle", "put a public tree into one file, for machines without a network"),
    "witness": Action("repo_witness", "sign the heads of other people's logs, if they never rewrite history"),
    "monitor": Action("repo_monitor", "watch a publisher: the log, every release, what clients are offered"),
    "status": Action("repo_status", "show who signs, what was released, who has witnessed it, what it weighs"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, action in ACTIONS.items():
        module = cast("CommandModule", importlib.import_module(f"freehold.frontends.cli.{action.module}"))
        below = actions.add_parser(
            name,
            help=action.help,
            description=f"{action.help.capitalize()}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(below)
        below.set_defaults(action=module.run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for, and return the exit status; raises ``UsageError`` without the libraries."""
    if find_spec("tuf") is None:
        raise UsageError("repositories need more libraries than scans: pip install 'freehold[update]'")
    return int(args.action(args))
