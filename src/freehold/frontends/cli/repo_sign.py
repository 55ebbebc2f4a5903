"""``freehold repo sign``: make the staged release again, compare, and sign."""

import argparse
from typing import TYPE_CHECKING

from freehold.frontends.cli import repo_options as shared
from freehold.frontends.cli.repo_init import root_fingerprint
from freehold.frontends.cli.repo_resign import add_root, verified

if TYPE_CHECKING:
    from freehold.updates.publish.repository import Repository

_EXAMPLES = """\
A signature under a release means: I made it again from its inputs, the state root is the same, and it passed the gate
on my machine. This command refuses to give it otherwise. Snapshot and timestamp are signed as soon as it is their
turn, so sign again after 'repo merge' has brought what others have signed.

exit status: 0 signed, 3 or higher: refused, or usage and internal errors

examples:
  freehold repo sign ./repo --key alice.pem
  freehold repo sign ./repo --key north.pub --passphrase-file /run/credentials/pin     a key in a device
  freehold repo sign ./repo --demo
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    shared.add_keys(parser)
    parser.add_argument(
        "--upstream", metavar="FROM", help="the release is one of 'repo resign': compare it with this tree"
    )
    add_root(parser)
    parser.add_argument(
        "--without-gate", action="store_true", help="sign a release that this machine's gate was not asked about"
    )


def run(args: argparse.Namespace) -> int:
    """Sign what these keys may sign."""
    from freehold.updates.publish import evidence, signing

    repository = shared.opened(args)
    with repository.locked():
        signers = shared.signers(args, repository)
        done = signing.sign(repository, signers, lambda role: _check(args, repository, role), shared.now())
        if repository.feed in done:
            evidence.attest(repository, signers, how="compared" if args.upstream else "rebuilt")
        states = shared.waiting(repository)
    facts = {"signed": done, "waiting": shared.signature_facts(states)}
    said = f"signed: {', '.join(done)}" if done else "these keys have signed all that they can sign now"
    shared.answer(args, facts, [said, *shared.signature_lines(states, repository.folder)])
    return 0


def _check(args: argparse.Namespace, repository: "Repository", role: str) -> None:
    """Look at what is to be signed for a role; raises when it should not be."""
    from freehold.updates.publish import ceremony, checking, resigning
    from freehold.updates.publish.repository import ROOT, TARGETS

    if role == repository.feed:
        wants_gate = repository.settings.gate and not args.without_gate
        if args.upstream:
            with verified(args) as upstream:
                release = resigning.check_resigned(repository, upstream, gate=wants_gate)
            shared.tell(f"release {release.seq} is upstream's: the same state root {release.state}")
            return
        with shared.shown() as progress:
            release = checking.check_release(repository, shared.now(), gate=wants_gate, progress=progress)
        shared.tell(f"release {release.seq} was made again here: the same state root {release.state}")
    elif role == ROOT:
        path = repository.metadata_path(repository.staged, ROOT)
        if path is not None:
            shared.tell(f"fingerprint of root, to compare by voice: {root_fingerprint(path)}")
    elif role == TARGETS:
        for line in ceremony.described(repository):
            shared.tell(line)
