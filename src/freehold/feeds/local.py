"""Origins that are folders of this machine."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from freehold.feeds.snapshot import Snapshot
from freehold.model.errors import FreeholdError, UsageError

SIGNATURE_FILE = re.compile(
    r"[^.].*\.(cat|cbc|cdb|cfg|cld|crb|cud|cvd|db|fp|ftm|gdb|hdb|hdu|hsb|hsu|idb|ign2?|imp|ioc|ldb|ldu|mdb|mdu|msb|msu|ndb"
    r"|ndu|pdb|policy|pwdb|rmd|sfp|sign|toml|wdb|yara?|zmd)",
    re.IGNORECASE | re.DOTALL,
)
"""Names of files that signatures come in, and of the digital signatures of such files; hidden files are none."""

_CHUNK = 1 << 20


def folder(origin: str) -> Path:
    """Return the folder that a path or a ``file://`` address names; raises ``UsageError``."""
    path = Path(origin)
    if origin.startswith("file:"):
        parts = urlsplit(origin)
        if parts.netloc not in {"", "localhost"}:
            raise UsageError(f"{origin}: a file address must name a folder of this machine, as in file:///srv/clamav")
        path = Path(unquote(parts.path))
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such folder")
    return path


def is_signature_file(entry: "os.DirEntry[str]") -> bool:
    """Whether a file looks as if signatures were in it. Links are not followed: they may lead to what is secret."""
    return SIGNATURE_FILE.fullmatch(entry.name) is not None and entry.is_file(follow_symlinks=False)


def copy(snapshot: Snapshot, name: str, path: Path) -> None:
    """Copy a file into a snapshot; one with the size and time that are known already is not read.

    Raises:
        FreeholdError: it cannot be read, or was changed meanwhile.
    """
    fd = _opened(path)
    try:
        before = os.fstat(fd)
        known = snapshot.previous.get(name)
        if known and (known.size, known.modified_ns) == (before.st_size, before.st_mtime_ns):
            snapshot.keep(name)
            return
        snapshot.write(name, _chunks(fd), modified_ns=before.st_mtime_ns)
        after = os.fstat(fd)
        if (after.st_size, after.st_mtime_ns) != (snapshot.files[name].size, before.st_mtime_ns):
            raise FreeholdError(f"{path} was changed while it was copied; try again")
    finally:
        os.close(fd)


def _opened(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FreeholdError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FreeholdError(f"{path} is not a regular file")
    return fd


def _chunks(fd: int) -> Iterator[bytes]:
    while chunk := os.read(fd, _CHUNK):
        yield chunk
