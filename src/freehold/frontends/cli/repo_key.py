"""``freehold repo key``: keys of people and machines."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError

if TYPE_CHECKING:
    from freehold.updates.publish.keys import PublicKey

_EXAMPLES = """\
examples:
  freehold repo key new alice.pem                       asks for a passphrase; send alice.pem.pub to who asks for it
  freehold repo key show alice.pem.pub                  its id and fingerprint, to compare by voice
  freehold repo key describe id.pem alice.pub           for a key that openssl or another tool has made
  freehold repo key device 'hsm:2?label=alice' alice.pub --holder alice
  freehold repo key device 'awskms:arn:aws:kms:…' north.pub --holder north

Keys in devices need pip install 'freehold[hsm]', and PYKCS11LIB in the environment: the path of the device's PKCS#11
module. Key services need pip install 'securesystemslib[awskms]', [gcpkms], [azurekms] or [vault]."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    new = actions.add_parser("new", help="make an Ed25519 key in a file")
    new.add_argument("file", metavar="FILE", type=Path, help="of the private half; FILE.pub becomes the public half")
    new.add_argument("--holder", metavar="NAME", help="who holds it, shown to people (default: the file's name)")
    new.add_argument("--no-passphrase", action="store_true", help="for machines whose disk is protected otherwise")
    shared.add_passphrase(new)
    shared.add_json(new)
    show = actions.add_parser("show", help="show a public half")
    show.add_argument("file", metavar="FILE", type=Path)
    shared.add_json(show)
    described = actions.add_parser("describe", help="write the public half of a private key that another tool made")
    described.add_argument("private", metavar="KEY", type=Path, help="private key in PEM: Ed25519, P-256, RSA")
    described.add_argument("file", metavar="FILE", type=Path, help="for the public half")
    described.add_argument("--holder", metavar="NAME", help="who holds it (default: the file's name)")
    shared.add_passphrase(described)
    shared.add_json(described)
    device = actions.add_parser("device", help="describe a key that a device or key service keeps")
    device.add_argument("uri", metavar="URI", help="hsm:ID?label=TOKEN, awskms:…, gcpkms:…, azurekms:…, hv:…")
    device.add_argument("file", metavar="FILE", type=Path, help="for the public half")
    device.add_argument("--holder", metavar="NAME", help="who holds it (default: the file's name)")
    shared.add_passphrase(device)
    shared.add_json(device)


def run(args: argparse.Namespace) -> int:
    """Make, show or describe a key."""
    from freehold.updates.publish import keys

    if args.verb == "new":
        made = keys.generate(args.file, args.holder or args.file.stem, _passphrase(args))
    elif args.verb == "show":
        made = keys.read_public(args.file)
    else:
        made = _described(args)
    facts = {"holder": made.holder, "keyid": made.key.keyid, "scheme": made.key.scheme, "uri": made.uri}
    lines = [f"{made.holder}: {made.key.scheme}", f"  id {made.key.keyid}"]
    if args.verb == "new":
        lines.append(f"  send {keys.public_path(args.file)} to who makes the repository; keep {args.file} to yourself")
    shared.answer(args, facts, lines)
    return 0


def _described(args: argparse.Namespace) -> "PublicKey":
    """Write the public half of a key that is there already; raises ``UsageError``."""
    from freehold.updates.publish import keys

    if args.file.exists():
        raise UsageError(f"{args.file} is there already; choose another name")
    name, secret = args.holder or args.file.stem, shared.secret(args)
    if args.verb == "device":
        made = keys.describe(args.uri, name, secret)
    else:
        made = keys.public_half(args.private, name, secret)
    args.file.write_bytes(made.to_bytes())
    return made


def _passphrase(args: argparse.Namespace) -> str:
    if args.no_passphrase:
        return ""
    ask = shared.secret(args)
    passphrase = ask(f"passphrase of {args.file}")
    if not passphrase:
        raise UsageError("an empty passphrase protects nothing; say --no-passphrase when that is what you want")
    if args.passphrase_file is None and ask("the same again") != passphrase:
        raise UsageError("these are two different passphrases")
    return passphrase
