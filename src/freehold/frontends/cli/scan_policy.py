"""``freehold scan --policy``: what belongs to a prohibited product is reported, too.

Only indicators that prove something count here, so that a scan never calls a file prohibited for its mere name;
``freehold audit`` takes the others as well, and says where to look.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from freehold.frontends.cli import databases
from freehold.service.entry import Entry

Naming = Callable[[Entry], None]


def bundles(args: argparse.Namespace) -> list[Path]:
    """Return the bundle of the policies that were asked for, none when there are none; raises ``UsageError``."""
    if not args.policy:
        return []
    from freehold.signatures import policies

    packs, _ = policies.select(args.policy)
    policies.read(packs)
    return [databases.policy_bundle(packs, weak=False)]


def naming(args: argparse.Namespace) -> Naming | None:
    """Return what tells a worker where in its system a file lies; None where no policy asks for that.

    A path counts from the root of the system that it lies in: this machine's, or one that was named as a whole.
    """
    if not args.policy:
        return None
    from freehold.service.audit.places import is_system

    named = sorted((os.path.abspath(path) for path in args.paths), key=len, reverse=True)  # noqa: PTH100 - no links
    roots = [os.fsencode(path.rstrip("/")) + b"/" for path in named if is_system(Path(path))]

    def name(entry: Entry) -> None:
        if entry.name or entry.status is None:
            return  # it has no path: standard input, memory, a layer of an image
        path = os.path.abspath(entry.path)  # noqa: PTH100 - links stay as they are
        root = next((root for root in roots if path.startswith(root)), b"/")
        entry.name = os.fsdecode(path[len(root) - 1 :])

    return name
