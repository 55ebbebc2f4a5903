"""How far a scan has come, so that ``freehold scan --resume`` can go on."""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.frontends.cli import options, scan_options, scan_targets
from freehold.model.errors import UsageError
from freehold.model.report import Report
from freehold.service.entry import Finished
from freehold.service.walk import Memory

if TYPE_CHECKING:
    from freehold.service.checkpoint import Interrupted


def resumption(args: argparse.Namespace) -> "Interrupted | None":
    """Return what ``--resume`` goes on with, None without it; the options that decide on the scan become those of then.

    Raises:
        UsageError: there is nothing to go on with.
    """
    if not args.resume:
        return None
    if args.stdin or args.files_from:
        raise UsageError("--resume goes on with scans of files and folders, not with --stdin or --files-from")
    from freehold.service.checkpoint import interrupted

    found = interrupted(scan_options.decisive(args) if args.paths or args.quick else None)
    for name in scan_options.DECISIVE:
        setattr(args, name, found.header.options.get(name, getattr(args, name)))
    if os.getcwd() == found.header.folder:  # noqa: PTH109 - text is wanted
        args.paths = found.header.paths  # as they were named, so that the report is the same
    return found


class Progress:
    """The journal of a scan of folders, if it can be kept.

    Args:
        args: the scan's options.
        bundles: the scan's bundles.
        resumed: what it goes on with.

    Attributes:
        notice: what the user should know, "" for nothing.
    """

    def __init__(self, args: argparse.Namespace, bundles: Sequence[Path], resumed: "Interrupted | None") -> None:
        self.notice = ""
        self._resumed = resumed
        self._journal = None
        if (
            args.stdin
            or args.files_from
            or args.memory is not None
            or scan_targets.has_images(args)
            or not scan_targets.has_folders(args)
        ):
            return
        from freehold.service import checkpoint
        from freehold.service.verdicts import generation

        current = generation.current(bundles, options.limits_of(args)).identity.hex()
        if resumed is not None and resumed.header.generation == current:
            self._journal = resumed.journal()
            return
        if resumed is not None:
            resumed.discard()
            self._resumed = None
            self.notice = "the signatures or Freehold have changed since the scan was interrupted: it begins anew"
        header = checkpoint.Header(current, scan_options.decisive(args), args.paths, os.getcwd())  # noqa: PTH109 - text
        self._journal = checkpoint.begin(header)

    def memory(self, below: Memory | None) -> Memory | None:
        """Return what the walk asks for files that need no examination."""
        return self._resumed.memory(below) if self._resumed else below

    def add(self, item: Finished) -> None:
        """Note a file that was examined."""
        if self._resumed:
            self._resumed.met(item.path)
        if self._journal and not item.report.allowed:  # who allowed it may change his mind: it is examined again
            self._journal.add(item.path, item.status, item.report)

    def vanished(self) -> Iterator[tuple[bytes, Report]]:
        """Yield what was examined before the interruption and is not there any more."""
        return self._resumed.vanished() if self._resumed else iter(())

    def end(self, *, interrupted: bool) -> bool:
        """Keep the journal of an interrupted scan, or remove it; whether the scan can be resumed."""
        if self._journal is None:
            return False
        if interrupted:
            self._journal.keep()
        else:
            self._journal.remove()
        return interrupted
