"""``freehold repo init``: the ceremony."""

import argparse
import hashlib
from pathlib import Path

from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError

_EXAMPLES = """\
Roles and how many must sign, unless --threshold says otherwise:
  root       3   may change every key; people, offline
  targets    3   may say who releases, which log and witnesses count (default: the keys of root)
  core       2   (or as the feed is called) release signatures; machines of several organisations
  snapshot   2   tie versions together (default: the keys of the feed)
  timestamp  1   say what is newest (default: the keys of the feed)

The ceremony: everybody makes a key at home ('repo key new') and sends the public half. This command makes root and
targets out of them, unsigned, and shows the fingerprint of root. Everybody gets the folder, compares the fingerprint
with the others by voice, and signs ('repo sign'); 'repo merge' brings the signatures together. Private keys never
leave their holders, but for the log's, which is made here, in REPO/keys: whoever has it publishes.

examples:
  freehold repo init ./repo --demo
  freehold repo init ./repo --demo --threshold root=1 --threshold core=1
  freehold repo init ./repo --key root=alice.pem.pub --key root=bob.pem.pub --key root=carol.pem.pub \\
      --key core=north.pem.pub --key core=south.pem.pub --log example.com/core \\
      --witness 'w1 example.org/w1+0a1b2c3d+BAa… https://w1.example.org' --quorum 1 --mirror https://example.com/core/
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument("--feed", default="core", metavar="NAME", help="name of the feed (default: core)")
    parser.add_argument("--demo", action="store_true", help="make all keys at once, in REPO/keys: for trying out only")
    parser.add_argument(
        "--key",
        dest="keys",
        action="append",
        default=[],
        type=shared.named,
        metavar="ROLE=FILE",
        help="public half of a key that may sign for a role; may be repeated",
    )
    parser.add_argument(
        "--threshold",
        dest="thresholds",
        action="append",
        default=[],
        type=shared.role_number,
        metavar="ROLE=N",
        help="how many must sign for a role; may be repeated",
    )
    add_policy(parser)
    parser.add_argument("--rings", type=shared.rings, metavar="LIST", help="of releases (default: 10@0,100@1h,1000@4h)")
    parser.add_argument(
        "--no-gate", action="store_true", help="releases of this repository may be signed without a gate (overlays)"
    )


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add what a policy is made of."""
    parser.add_argument("--log", metavar="NAME", help="origin of the log, a name that no other log has")
    parser.add_argument("--log-url", default="", metavar="URL", help="where its files are, beside the mirrors")
    parser.add_argument(
        "--witness",
        dest="witnesses",
        action="append",
        default=[],
        metavar="'NAME KEY [URL]'",
        help="a witness; without an address it is asked by files; may be repeated",
    )
    parser.add_argument(
        "--quorum", type=int, default=0, metavar="N", help="how many witnesses must have seen a release (default: 0)"
    )
    parser.add_argument(
        "--mirror", dest="mirrors", action="append", default=[], metavar="URL", help="of the public tree; repeatable"
    )


def run(args: argparse.Namespace) -> int:
    """Make a repository; raises ``UsageError``."""
    from freehold.updates.publish import ceremony, keys
    from freehold.updates.publish.repository import RINGS, Settings

    if args.demo == bool(args.keys):
        raise UsageError("name keys with --key, or make all of them at once with --demo")
    settings = Settings(args.feed, demo=args.demo, rings=args.rings or RINGS, gate=not args.no_gate)
    given: dict[str, list[keys.PublicKey]] = {}
    for role, path in args.keys:
        given.setdefault(role, []).append(keys.read_public(Path(path)))
    log = ceremony.Log(args.log or _origin(args.feed), args.log_url, args.witnesses, args.quorum)
    if args.demo:
        _check_empty(args.repository)
        given = ceremony.demo_keys(args.repository / "keys", args.feed)
    holders = ceremony.holders_of(args.feed, given, dict(args.thresholds))
    repository = ceremony.found_repository(
        args.repository, settings, holders, log, mirrors=args.mirrors, time=shared.now()
    )
    _show(args, repository.folder, root_fingerprint(repository.staged / "metadata" / "1.root.json"))
    return 0


def root_fingerprint(path: Path) -> str:
    """Return the SHA-256 of what the keys of a root metadata file sign, in hexadecimal digits."""
    from tuf.api.metadata import Metadata, Root

    return hashlib.sha256(Metadata[Root].from_bytes(path.read_bytes()).signed_bytes).hexdigest()


def _check_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; choose another place for the repository")


def _origin(feed: str) -> str:
    import secrets

    return f"freehold.invalid/{feed}/{secrets.token_hex(8)}"


def _show(args: argparse.Namespace, folder: Path, fingerprint: str) -> None:
    lines = [f"{folder}: root and targets are made, and wait for signatures"]
    lines.append(f"  fingerprint of root 1, to compare by voice: {fingerprint}")
    if args.demo:
        lines.append(f"  DEMO: all keys are in {folder / 'keys'}, unencrypted; they protect nothing")
        lines.append(f"Next: freehold repo build {folder} SIGNATURES…")
    else:
        lines += shared.signature_lines(shared.waiting(shared.opened(args)), folder)
    facts = {"repository": str(folder), "feed": args.feed, "root_fingerprint": fingerprint, "demo": args.demo}
    shared.answer(args, facts, lines)
