"""``freehold repo refresh``: a new timestamp, and newer cosignatures."""

import argparse

from freehold.frontends.cli import repo_options as shared
from freehold.frontends.cli.repo_publish import add_witnesses, answers, write_requests

_EXAMPLES = """\
Timestamps count for two days, cosignatures of witnesses for one: let a timer run this every six hours. One key of the
role timestamp is enough by default. Snapshot and the feed's metadata live longer; 'repo rotate --renew' renews them.

examples:
  freehold repo refresh ./repo --key north.pem
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    shared.add_keys(parser)
    add_witnesses(parser)


def run(args: argparse.Namespace) -> int:
    """Sign and publish a timestamp."""
    from freehold.updates.publish import releasing

    repository = shared.opened(args)
    with repository.locked():
        signers = shared.signers(args, repository)
        try:
            expires = releasing.refresh(repository, signers, answers(args), now=shared.now(), tell=shared.tell)
        except releasing.QuorumMissing:
            write_requests(args, repository)
            raise
        write_requests(args, repository)  # witnesses have signed this head already; asked again, they name a later time
    until = expires.isoformat()
    shared.answer(args, {"expires": until}, [f"the newest release is said to be the newest until {until}"])
    return 0
