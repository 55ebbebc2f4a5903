"""``freehold repo overlay``: own deny and allow lists, released like any other feed."""

import argparse

from freehold.frontends.cli import repo_options as shared
from freehold.model.errors import UsageError
from freehold.responses.wording import count_text

_EXAMPLES = """\
An overlay is a small feed of one's own, on top of others: what it denies is found, what it allows or ignores is not,
whichever feed says it, on machines that follow it with 'freehold feed adopt … --may allow'. The lists are plain files
in REPO/overlay; 'repo build' takes them when they are there.

examples:
  freehold repo init ./acme --feed acme --key root=admin.pem.pub --key acme=admin.pem.pub --no-gate \\
      --threshold root=1 --threshold targets=1 --threshold acme=1 --threshold snapshot=1
  freehold repo overlay ./acme --deny dropper.exe --deny 9f86d081…0f00a08:4096
  freehold repo overlay ./acme --allow ourtool.exe --ignore Win.Trojan.Agent-12345
  freehold repo overlay ./acme --remove Win.Trojan.Agent-12345
  freehold repo build ./acme
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli.repo``."""
    parser.epilog = _EXAMPLES
    shared.add_repository(parser)
    for option, what in (("--deny", "detect this file"), ("--allow", "never detect this file")):
        parser.add_argument(
            option, action="append", default=[], metavar="FILE|SHA256[:SIZE]", help=f"{what}; may be repeated"
        )
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME", help="leave this signature out")
    parser.add_argument(
        "--remove", action="append", default=[], metavar="WHAT", help="take a SHA-256 or name off the lists"
    )


def run(args: argparse.Namespace) -> int:
    """Change the lists, and show them."""
    from freehold.updates.publish.overlays import ALLOWED, DENIED, IGNORED, Overlay, hash_line, ignore_line

    repository = shared.opened(args)
    overlay = Overlay(repository.folder)
    with repository.locked():
        feed = repository.feed.capitalize()
        added = {
            DENIED: [hash_line(what, f"{feed}.Denied") for what in args.deny],
            ALLOWED: [hash_line(what, f"{feed}.Allowed") for what in args.allow],
            IGNORED: [ignore_line(name) for name in args.ignore],
        }
        changed = sum(overlay.add(name, lines) for name, lines in added.items())
        for what in args.remove:
            removed = overlay.remove(what)
            if not removed:
                raise UsageError(f"'{what}' is on none of the lists")
            changed += removed
    facts = {name.partition(".")[0]: overlay.lines(name) for name in (DENIED, ALLOWED, IGNORED)}
    lines = [f"{name}: {line}" for name in (DENIED, ALLOWED, IGNORED) for line in overlay.lines(name)]
    lines.append(f"{count_text(changed, 'change')}. To release them: freehold repo build {repository.folder}")
    shared.answer(args, facts, lines)
    return 0
