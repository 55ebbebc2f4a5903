"""Putting a finished directory in place, whole or not at all."""

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from freehold.bundle.layout import MANIFEST
from freehold.model.errors import UsageError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def replaced(destination: Path) -> Iterator[Path]:
    """Give a new directory beside ``destination`` to write into, and put it in its place when the block ends well.

    Whoever opens ``destination`` finds the old bundle or the new one, never a mixture and, where the file system can
    exchange two names, never nothing. What a killed build left behind is removed by the next one.

    Raises:
        UsageError: ``destination`` is something else than a bundle, or cannot be written to.
    """
    parent = destination.parent
    if destination.exists() and not (destination / MANIFEST).is_file() and not _is_empty_directory(destination):
        raise UsageError(f"{destination} is not a compiled database and is not replaced; choose another name")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(destination)
        aside = Path(tempfile.mkdtemp(prefix=f".{destination.name}.new-", dir=parent))
    except OSError as error:
        raise UsageError(f"cannot write to {parent}: {error.strerror}") from error
    lock = os.open(aside, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield aside
        aside.chmod(0o755 & ~_umask())
        _sync_tree(aside)
        _put(aside, destination)
        _sync(parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(lock)


def _put(aside: Path, destination: Path) -> None:
    """Move ``aside`` to ``destination``; what was there before is then found at ``aside``."""
    if not destination.exists():
        aside.rename(destination)
    elif not _exchange(aside, destination):
        old = Path(tempfile.mkdtemp(prefix=f".{destination.name}.new-", dir=destination.parent))
        destination.rename(old)
        aside.rename(destination)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where system or file system cannot."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return False
    if function(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _remove_leftovers(destination: Path) -> None:
    """Remove directories of builds that are no longer running: nobody holds their lock."""
    for leftover in destination.parent.glob(f".{destination.name}.new-*"):
        fd = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(leftover, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(fd)


def _is_empty_directory(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_tree(top: Path) -> None:
    for folder, _, names in os.walk(top, topdown=False):
        for name in names:
            _sync(Path(folder, name))
        _sync(Path(folder))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
