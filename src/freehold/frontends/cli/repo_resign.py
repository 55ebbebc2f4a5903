"""``freehold repo resign``: somebody else's release under one's own keys."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError

if TYPE_CHECKING:
    from freehold.updates.publish.resigning import Upstream

_EXAMPLES = """\
Verifies the newest release of another repository as a client would, from a root that you name, and stages it in your
own: the same signatures and state root; your keys, log, witnesses, time and rings. Sign it with --upstream, which
verifies and compares once more on the signer's machine; then publish. Clients that know your root need nobody else.

examples:
  freehold repo init ./own --key root=… --key core=… --log acme.example/core
  freehold repo resign ./own https://example.com/core/ --root core.root.json
  freehold repo sign ./own --key north.pem --upstream https://example.com/core/ --root core.root.json
  freehold repo resign ./own ./mirror --root-sha256 3f1c… --rings 1000@0
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument("upstream", metavar="FROM", help="address, folder or bundle with the other public tree")
    add_root(parser)
    shared.add_times(parser)


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add how upstream's root is named."""
    parser.add_argument("--root", type=Path, metavar="FILE", help="root metadata to believe upstream by")
    parser.add_argument("--root-sha256", metavar="HEX", help="SHA-256 of upstream's newest root, instead of the file")
    parser.add_argument(
        "--abandoned",
        action="store_true",
        help="upstream's publisher has stopped: take its last release although it has expired; ask several mirrors, "
        "as nothing says which release was the last",
    )


def run(args: argparse.Namespace) -> int:
    """Stage upstream's release."""
    from freehold.updates.publish import building, resigning

    repository = shared.opened(args)
    with repository.locked(), verified(args) as upstream:
        rings = args.rings or repository.settings.rings
        release = resigning.resign(repository, upstream, args.published or building.now(), rings)
    facts = {"seq": release.seq, "state": release.state, "feed": release.feed}
    lines = [
        f"release {release.seq} of {upstream.release.feed} is staged as one of {release.feed}",
        f"  state root {release.state}",
        f"Next: freehold repo gate {repository.folder}, then freehold repo sign {repository.folder} --upstream FROM …",
    ]
    shared.answer(args, facts, lines)
    return 0


@contextmanager
def verified(args: argparse.Namespace) -> "Iterator[Upstream]":
    """Give upstream's release, verified on this machine; raises ``UsageError`` when no root is named."""
    from freehold.updates.client.origins import origin
    from freehold.updates.client.transfer import Client
    from freehold.updates.publish import resigning

    if (args.root is None) == (args.root_sha256 is None):
        raise UsageError("say by which root upstream is to be believed: --root FILE or --root-sha256 HEX")
    place = origin(args.upstream, Client())
    try:
        root = args.root.read_bytes() if args.root else resigning.pinned_root(place, args.root_sha256)
    except OSError as error:
        raise UsageError(f"{args.root}: {error.strerror}") from error
    with TemporaryDirectory(prefix="freehold-upstream-") as scratch:
        yield resigning.verified(place, root, Path(scratch), abandoned=args.abandoned)
