"""Building on a compiled database: its segments are shared, not compiled or copied again."""

import os
import shutil
from pathlib import Path
from typing import Any

from freehold.bundle.reader import Bundle
from freehold.model.errors import UsageError


def share_segments(base: Bundle, folder: Path) -> list[dict[str, Any]]:
    """Put all segments of a database into ``folder`` too, and return their parts of the manifest.

    Files are linked where the file system can, as nobody ever writes to them, and copied elsewhere.

    Raises:
        UsageError: a file cannot be linked or copied.
    """
    segments: list[dict[str, Any]] = base.manifest["segments"]
    try:
        for segment in segments:
            (folder / segment["name"]).mkdir()
            for name in segment["files"]:
                _share(base.path / segment["name"] / name, folder / segment["name"] / name)
    except OSError as error:
        raise UsageError(f"cannot build on {base.path}: {error.strerror}") from error
    return segments


def _share(source: Path, destination: Path) -> None:
    try:
        os.link(source, destination, follow_symlinks=False)
    except OSError:  # another file system, or one without links, or a file of somebody else's
        shutil.copyfile(source, destination, follow_symlinks=False)
