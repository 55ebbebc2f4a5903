"""Names in folders that somebody else may be changing: no link is followed, nothing is overwritten.

openat2(2) with RESOLVE_NO_SYMLINKS refuses a path with a symbolic link anywhere in it. Where a system has no such
call, the path is walked part by part with O_NOFOLLOW, which comes to the same.
"""

import ctypes
import errno
import hashlib
import os
import stat
import struct
import sys
from collections.abc import Iterator

_OPENAT2 = 437  # the same number on every architecture
_AT_FDCWD = -100
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS = 2, 4
_RENAME_NOREPLACE = 1

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_ACCESS_TIME: int = getattr(os, "O_NOATIME", 0)
_STEP: int = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW

_WITHOUT = frozenset({errno.ENOSYS, errno.EPERM})
"""What openat2 says where there is no such call, or a container's filter does not know it."""

PIECE = 1 << 20


def true_path(fd: int, path: bytes) -> bytes:
    """Return where an open file lies now, without symbolic links; ``path`` is how it was opened."""
    try:
        return os.readlink(b"/proc/self/fd/%d" % fd)  # noqa: PTH115 -- paths are bytes
    except OSError:  # no Linux, or no /proc
        return os.path.realpath(path)


def open_folder(path: bytes) -> int:
    """Open a folder by an absolute path in which no part is a symbolic link; raises ``OSError``."""
    if sys.platform == "linux":
        how = struct.pack("=QQQ", _FOLDER, 0, _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
        fd = ctypes.CDLL(None, use_errno=True).syscall(_OPENAT2, _AT_FDCWD, path, how, len(how))
        if fd >= 0:
            return int(fd)
        code = ctypes.get_errno()
        if code not in _WITHOUT:
            raise OSError(code, os.strerror(code), path)
    return _open_by_parts(path)


def _open_by_parts(path: bytes) -> int:
    fd = os.open(b"/", _STEP & ~os.O_NOFOLLOW)
    for part in filter(None, path.split(b"/")):
        try:
            below = os.open(part, _STEP, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    try:
        return os.open(b".", _FOLDER, dir_fd=fd)
    finally:
        os.close(fd)


def rename_new(folder: int, old: bytes, new: bytes) -> None:
    """Rename inside a folder; raises ``FileExistsError`` when there is something of the new name."""
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    code = errno.ENOSYS
    if function is not None:
        if function(folder, old, folder, new, _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        raise OSError(code, os.strerror(code), old)
    os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(old, dir_fd=folder)


def status_of(folder: int, name: bytes) -> os.stat_result | None:
    """Return the status of what has this name, not following a link; None when there is nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_same(one: os.stat_result | None, other: os.stat_result) -> bool:
    """Whether both are of one file."""
    return one is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def digest_of(folder: int, name: bytes) -> str | None:
    """Return the SHA-256 of the regular file that has this name, None when there is none."""
    status = status_of(folder, name)
    if status is None or not stat.S_ISREG(status.st_mode):
        return None
    fd = _open_quietly(folder, name)
    try:
        return digest(fd) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def _open_quietly(folder: int, name: bytes) -> int:
    """Open a file for reading, without touching its access time where that is allowed: for its owner and for root."""
    try:
        return os.open(name, _FILE | _NO_ACCESS_TIME, dir_fd=folder)
    except PermissionError:
        return os.open(name, _FILE, dir_fd=folder)


def digest(fd: int) -> str:
    """Return the SHA-256 of an open file, from its beginning, whatever its position."""
    whole = hashlib.sha256()
    for _, piece in pieces(fd):
        whole.update(piece)
    return whole.hexdigest()


def pieces(fd: int) -> Iterator[tuple[int, bytes]]:
    """Yield offsets and bytes until the end of a file, whatever its position."""
    offset = 0
    while piece := os.pread(fd, PIECE, offset):
        yield offset, piece
        offset += len(piece)
