"""``freehold repo rotate``: other keys, another policy, later dates."""

import argparse
from pathlib import Path

from freehold.frontends.cli import repo_options as shared
from freehold.frontends.cli.repo_init import add_policy
from freehold.model.errors import UsageError

_EXAMPLES = """\
What is changed is staged, and waits for signatures like everything else: a new root for those of the old and of the new
keys, new top-level targets for those of targets. Then 'repo publish' logs and shows it. Clients follow by themselves.

examples:
  freehold repo rotate ./repo --role core --add east.pem.pub --remove south
  freehold repo rotate ./repo --role root --add frank.pem.pub --remove bob --threshold 3
  freehold repo rotate ./repo --renew root --renew targets               once a year
  freehold repo rotate ./repo --renew core                               when there was no release for a week
  freehold repo rotate ./repo --set-mirrors --mirror https://a.example/ --mirror https://b.example/
  freehold repo rotate ./repo --set-policy --witness 'w1 NAME+ID+KEY https://w1.example' --quorum 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument("--role", metavar="ROLE", help="whose keys change")
    parser.add_argument(
        "--add", action="append", default=[], type=Path, metavar="FILE", help="public half of a new key"
    )
    parser.add_argument(
        "--remove",
        action="append",
        default=[],
        metavar="WHO",
        help="holder, or id, of a key that does not count any more",
    )
    parser.add_argument("--threshold", type=int, metavar="N", help="how many must sign from now on")
    parser.add_argument(
        "--renew", action="append", default=[], metavar="ROLE", help="the same again, for longer; may be repeated"
    )
    parser.add_argument("--set-mirrors", action="store_true", help="replace the list of mirrors by --mirror")
    parser.add_argument("--set-policy", action="store_true", help="replace witnesses and quorum by --witness, --quorum")
    parser.add_argument(
        "--new-log-key", action="store_true", help="the log's key is lost or stolen: another one, for the same history"
    )
    add_policy(parser)


def run(args: argparse.Namespace) -> int:
    """Stage the change."""
    from freehold.updates.publish import ceremony, keys

    changes_keys = bool(args.role and (args.add or args.remove or args.threshold))
    wishes = (changes_keys, args.renew, args.set_mirrors or args.set_policy, args.new_log_key)
    if sum(map(bool, wishes)) != 1 or args.log:
        raise UsageError(
            "say one of: --role with --add, --remove or --threshold; --renew; --set-mirrors, --set-policy; "
            "--new-log-key"
        )
    repository = shared.opened(args)
    with repository.locked():
        if changes_keys:
            added = [keys.read_public(path) for path in args.add]
            ceremony.rotate(repository, ceremony.Rotation(args.role, added, args.remove, args.threshold), shared.now())
        elif args.new_log_key:
            key = ceremony.new_log_key(repository, shared.now())
            shared.tell(f"for witnesses, to trust beside the old one: {key.verifier}")
        elif args.renew:
            ceremony.renew(repository, args.renew, shared.now())
        else:
            origin = ceremony.log_name(repository)
            log = ceremony.Log(origin, args.log_url, args.witnesses, args.quorum) if args.set_policy else None
            mirrors = args.mirrors if args.set_mirrors else None
            ceremony.set_policy(repository, shared.now(), log=log, mirrors=mirrors)
        states = shared.waiting(repository)
    facts = {"waiting": shared.signature_facts(states)}
    shared.answer(args, facts, ["staged:", *shared.signature_lines(states, repository.folder)])
    return 0
