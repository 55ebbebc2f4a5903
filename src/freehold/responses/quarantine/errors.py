"""What can be wrong with a quarantine, as callers tell it apart."""

import errno
import os

from freehold.model.errors import FreeholdError


class Refused(FreeholdError):
    """A file cannot be taken or put back; the text says why and what to do. Everything is as it was."""


_ADVICE = {
    errno.EACCES: "permission denied; try again as root",
    errno.EPERM: "the system does not permit it; try again as root, and look for attributes with lsattr",
    errno.EROFS: "it is on a read-only file system; make that writable (mount -o remount,rw) and try again",
    errno.ENOSPC: "the disk is full; make room and try again",
    errno.EDQUOT: "the disk quota is used up; make room and try again",
    errno.EBUSY: "it is in use as a mount point; unmount it and try again",
    errno.ELOOP: "a folder on the way to it is a symbolic link now",
    errno.ENOENT: "a folder on the way to it does not exist any more",
    errno.ENOTDIR: "a folder on the way to it does not exist any more",
}


def words(error: OSError) -> str:
    """Return what went wrong and, where there is something, what to do about it."""
    code = error.errno or 0
    return _ADVICE.get(code) or f"{os.strerror(code)} (errno {code})"
