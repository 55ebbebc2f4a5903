"""Files that are whole or not there, whatever happens: a power cut, a full disk, a reader at the same moment."""

import os
import tempfile
from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put a file in place whole, and on the disk before this returns; folders are made as needed.

    Raises:
        OSError: it could not be written; then what was there before is still there.
    """
    new = _make_folders(path.parent)
    fd, aside = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        Path(aside).rename(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    for folder in (path.parent, *new):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; raises ``OSError``."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_tree(top: Path) -> None:
    """Make a folder with everything below it durable; raises ``OSError``."""
    for folder, _, names in os.walk(top, topdown=False):
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                fd = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        sync_folder(Path(folder))


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the folders that have a new name in them, beside ``folder`` itself."""
    if folder.is_dir():
        return []
    above = _make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    return [folder.parent, *above]
