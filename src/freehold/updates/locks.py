"""One process at a time may work on a folder; the lock ends with the process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from freehold.model.errors import UsageError


@contextmanager
def exclusive(folder: Path, busy: str) -> Iterator[None]:
    """Keep other processes out of a folder, which is made when it is missing.

    Raises:
        UsageError: another process is at it, as ``busy`` says; or there can be no such folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"cannot work in {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(busy) from error
        except OSError as error:  # not every file system has locks
            raise UsageError(f"cannot lock {folder}: {error.strerror}") from error
        yield
    finally:
        os.close(fd)
