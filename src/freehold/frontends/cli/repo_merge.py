"""``freehold repo merge``: signatures of other copies of the repository."""

import argparse
from pathlib import Path

from freehold.frontends.cli import repo_options as shared

_EXAMPLES = """\
Takes what is staged in other copies and signed there. What is not staged here is taken as a whole: 'repo sign' makes
the release again before it signs. Signatures that are wrong, or of keys that do not count, are left out.

examples:
  freehold repo merge ./repo /media/stick/staged
  freehold repo merge ./repo ../north/repo ../south/repo
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    parser.add_argument(
        "others", metavar="OTHER", nargs="+", type=Path, help="another repository, or its folder 'staged'"
    )


def run(args: argparse.Namespace) -> int:
    """Take signatures."""
    from freehold.updates.publish import signing

    repository = shared.opened(args)
    with repository.locked():
        got = [role for other in args.others for role in signing.merge(repository, other)]
        states = shared.waiting(repository)
    facts = {"merged": got, "waiting": shared.signature_facts(states)}
    said = f"new for: {', '.join(dict.fromkeys(got))}" if got else "nothing new"
    shared.answer(args, facts, [said, *shared.signature_lines(states, repository.folder)])
    return 0
