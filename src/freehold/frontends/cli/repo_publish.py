"""``freehold repo publish``: into the log, and into the public tree."""

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError

if TYPE_CHECKING:
    from freehold.updates.publish.repository import Repository

_EXAMPLES = """\
Copies what is immutable, appends the release to the log, asks the witnesses of the policy, and shows the release to
clients with the last step, the file 'head'. If too few witnesses answer, nothing is shown; do it again later.
Witnesses without an address are asked by files: --requests writes what to carry to them, --cosignature takes what they
answer. Serve REPO/public: 'head' with Cache-Control: max-age=60, all other files but metadata/timestamp.json and
log/checkpoint as immutable.

exit status: 0 published, 3 or higher: refused, too few witnesses, or usage and internal errors

examples:
  freehold repo publish ./repo
  freehold repo publish ./repo --requests ./to-witnesses
  freehold repo publish ./repo --cosignature w1.txt --cosignature w2.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    add_witnesses(parser)


def add_witnesses(parser: argparse.ArgumentParser) -> None:
    """Add how witnesses without an address are asked."""
    parser.add_argument(
        "--cosignature",
        dest="cosignatures",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="what a witness answered that was asked by a file; may be repeated",
    )
    parser.add_argument(
        "--requests", type=Path, metavar="DIR", help="write what witnesses without an address are asked"
    )


def run(args: argparse.Namespace) -> int:
    """Publish what is staged."""
    from freehold.updates.publish import releasing

    repository = shared.opened(args)
    with repository.locked():
        try:
            seq = releasing.publish(repository, answers(args), shared.now(), shared.tell)
        except releasing.QuorumMissing:
            write_requests(args, repository)
            raise
        root = root_sha256(repository)
    head = repository.public / "head"
    facts = {
        "seq": seq,
        "public": str(repository.public),
        "head_bytes": head.stat().st_size,
        "root_sha256": root,
    }
    lines = [
        f"release {seq} is public in {repository.public}",
        f"Clients: freehold feed adopt ADDRESS --root-sha256 {root}",
    ]
    shared.answer(args, facts, lines)
    return 0


def root_sha256(repository: "Repository") -> str:
    """Return the SHA-256 of the newest root's file, in hexadecimal digits: what clients choose a feed by."""
    from freehold.updates.publish.repository import ROOT

    path = repository.metadata_path(repository.public, ROOT)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""


def answers(args: argparse.Namespace) -> list[bytes]:
    """Read what witnesses answered; raises ``UsageError``."""
    try:
        return [path.read_bytes() for path in args.cosignatures]
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error


def write_requests(args: argparse.Namespace, repository: "Repository") -> None:
    """Write requests for the witnesses that are asked by files, where that was asked for."""
    from freehold.updates import durable
    from freehold.updates.publish import releasing

    if args.requests is not None:
        for name, request in releasing.requests(repository).items():
            durable.write(args.requests / f"{name}.request", request)
            shared.tell(f"for the witness {name}: {args.requests / f'{name}.request'}")
