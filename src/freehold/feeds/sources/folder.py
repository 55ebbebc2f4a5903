"""Folders of signature files with everything below them: an organisation's own rules, a checkout of public ones."""

import os
from collections.abc import Iterator
from pathlib import Path

from freehold.feeds import local
from freehold.feeds.snapshot import Snapshot
from freehold.model.errors import FreeholdError, UsageError


class FolderFeed:
    """Copies signature files from a folder; files of other kinds, hidden ones and links are passed over."""

    name = "folder"

    def refresh(self, origin: str, previous: Path | None, destination: Path) -> None:
        """As ``Feed.refresh``; raises ``FreeholdError``."""
        top = local.folder(origin)
        snapshot = Snapshot(previous, destination)
        for path in _signature_files(top):
            local.copy(snapshot, str(path.relative_to(top)), path)
        if not snapshot.files:
            raise UsageError(f"{top}: there is no signature file in this folder")
        snapshot.finish()


def _signature_files(top: Path) -> Iterator[Path]:
    try:
        with os.scandir(top) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise FreeholdError(f"cannot read {top}: {error.strerror}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _signature_files(Path(entry.path))
        elif local.is_signature_file(entry):
            yield Path(entry.path)


FEED = FolderFeed()
