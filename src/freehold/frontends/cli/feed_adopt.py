"""``freehold feed adopt``: begin to follow a feed, whose root of trust the user names by its fingerprint."""

import argparse
import hashlib
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.feeds import state as places
from freehold.frontends.cli.update_confinement import become_owner
from freehold.model.errors import UsageError
from freehold.model.rights import Right
from freehold.responses.wording import printable

if TYPE_CHECKING:
    from freehold.updates.client.origins import Origin

EPILOG = """\
The fingerprint is the SHA-256 of one version of the feed's root of trust. Get it from its publisher in another way than
the feed itself: on paper, from their site, from two people. From then on, everything that this feed brings is what the
keys in that root have signed, whoever delivers it.

examples:
  freehold feed adopt https://av.example/core --root-sha256 3b1f…
  freehold feed adopt /media/stick/core.fhb --root-sha256 3b1f… --name hospital --ring late
  freehold feed adopt https://cert.example/overlay --root-sha256 9ab1… --may allow
  freehold update hospital"""

MAY_EPILOG = """\
The choice counts from the next scan on, whatever release is in use. An organisation's own overlay needs 'allow'.

examples:
  freehold feed may acme allow
  freehold feed may newcomer report"""

RIGHTS = {
    Right.REPORT: "what it finds is suspicious, never infected",
    Right.DETECT: "its allow and ignore lists silence its own signatures only",
    Right.ALLOW: "its allow and ignore lists silence signatures of all feeds",
}
"""What they mean, for people."""

_MOST_ROOTS = 1024
_ROOT_BYTES = 512_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``adopt``."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("origin", metavar="PLACE", help="an address, a folder, or a bundle")
    parser.add_argument("--root-sha256", required=True, type=_fingerprint, metavar="HEX", help="whom you trust")
    parser.add_argument("--name", metavar="NAME", help="what to call it here (default: what its publisher calls it)")
    parser.add_argument("--mirror", action="append", default=[], metavar="PLACE", help="another place that has it")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="URL", help="a neighbour to ask for large files first"
    )
    _add_right(parser, "--may", default=str(Right.DETECT))
    parser.add_argument(
        "--ring",
        choices=("auto", "early", "late"),
        default="auto",
        help="when to take new releases: as a secret of this machine draws, at once, or with the last (default: auto)",
    )


def add_change_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``may``."""
    parser.epilog = MAY_EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", metavar="NAME", help="of a feed that is followed")
    _add_right(parser, "right")


def _add_right(parser: argparse.ArgumentParser, name: str, **options: Any) -> None:
    meaning = "; ".join(f"{right}: {words}" for right, words in RIGHTS.items())
    words = f"how far its word counts here: {meaning}"
    parser.add_argument(name, choices=tuple(map(str, Right)), metavar="RIGHT", help=words, **options)


def adopt(args: argparse.Namespace) -> None:
    """Fetch the root with this fingerprint and pin it; raises ``FreeholdError``."""
    from freehold.updates.client.origins import Mirror, origin
    from freehold.updates.client.store import NAME, Settings, Store
    from freehold.updates.client.transfer import Client
    from freehold.updates.client.trust import described

    become_owner(places.home())
    with closing(Client()) as client:
        for peer in args.peer:
            Mirror(peer, client)
        root = _root(origin(args.origin, client), args.root_sha256)
    about = described(root)
    name = args.name or about.feed
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}': a feed's name has small letters, digits, - and _; choose one with --name")
    store = Store(places.home() / name)
    if store.folder.exists():
        raise UsageError(f"there is a feed '{name}' already; choose another --name, or remove that one first")
    origins = tuple(map(_kept, (args.origin, *args.mirror)))
    settings = Settings(
        feed=about.feed,
        root_sha256=args.root_sha256,
        origins=origins,
        peers=tuple(args.peer),
        ring=args.ring,
        may=Right(args.may),
        demo=about.demo,
    )
    store.adopt(settings, root)
    mark = ": a DEMO, its keys protect nothing" if about.demo else ""
    print(f"{printable(name)}: adopted{mark}. To get its signatures: freehold update {printable(name)}")


def change(name: str, right: Right) -> None:
    """Choose anew how far the word of a feed counts; raises ``UsageError`` when it is not followed."""
    from freehold.updates.client.store import store

    become_owner(places.home())
    feed = store(places.home(), name)
    with feed.locked():
        feed.choose(replace(feed.settings(), may=right))
    print(f"{name}: may {right} from the next scan on")


def _root(place: "Origin", fingerprint: str) -> bytes:
    """Return the version of the root that has a fingerprint; raises ``UsageError`` when there is none."""
    from freehold.updates.client.transfer import Absent

    version = 0
    for version in range(1, _MOST_ROOTS):
        try:
            root = b"".join(place.open(f"metadata/{version}.root.json", _ROOT_BYTES) or ())
        except Absent:
            break
        if hashlib.sha256(root).hexdigest() == fingerprint:
            return root
    if version == 1:
        raise UsageError(f"{place.name}: there is no feed at this place (no metadata/1.root.json)")
    raise UsageError(
        f"{place.name}: none of its {version - 1} roots of trust has this fingerprint: it is another feed, somebody "
        "has changed it on its way, or the fingerprint is mistyped"
    )


def _kept(place: str) -> str:
    """Return an origin as it is kept: paths as absolute ones."""
    return place if "://" in place else str(Path(place).absolute())


def _fingerprint(text: str) -> str:
    digits = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise argparse.ArgumentTypeError("a fingerprint is a SHA-256: 64 hexadecimal digits")
    return digits
