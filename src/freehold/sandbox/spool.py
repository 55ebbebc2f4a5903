"""Where a worker keeps decoded content that is too large for memory."""

import os


def spool_directory() -> str:
    """Return where decoded content is spooled: TMPDIR, or a directory that is on a disk rather than in memory."""
    candidates = (os.environ.get("TMPDIR", ""), "/var/tmp", "/tmp")  # noqa: S108 - only unlinked files are made there
    usable = (path for path in candidates if path and os.access(path, os.W_OK | os.X_OK))
    return next(usable, os.curdir)


def open_spool(directory: str) -> int:
    """Return a descriptor of a new file that has no name; raises ``OSError``."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):  # not every system and file system knows files without a name
        from tempfile import TemporaryFile

        with TemporaryFile(dir=directory, buffering=0) as file:
            return os.dup(file.fileno())
