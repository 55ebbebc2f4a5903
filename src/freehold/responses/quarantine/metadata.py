"""What belongs to a file beside its content: all that stat, getfacl, getfattr and getcap show and that can be set.

Access control lists and file capabilities are extended attributes (``system.posix_acl_access``,
``security.capability``), so they come and go with the others, byte for byte.
"""

import errno
import os
import stat
from dataclasses import dataclass

_LABEL = "security.selinux"
"""Every file has one where SELinux runs; the system gives it, and a user may set it on files that are his own."""

_CAPABILITY = "security.capability"
_UNSUPPORTED = (errno.ENOTSUP, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is kept of a file's inode.

    Attributes:
        mode: type and permissions, as in ``st_mode``.
        uid: owner.
        gid: group.
        size: in bytes, with its holes.
        atime_ns: time of the last access.
        mtime_ns: time of the last change of content.
        links: names that the file had.
        device: of its file system.
        inode: its number there.
        attributes: all extended attributes.
    """

    mode: int
    uid: int
    gid: int
    size: int
    atime_ns: int
    mtime_ns: int
    links: int
    device: int
    inode: int
    attributes: dict[str, bytes]


def capture(fd: int, status: os.stat_result) -> Metadata:
    """Return what belongs to an open file; raises ``OSError``."""
    return Metadata(
        mode=status.st_mode,
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size,
        atime_ns=status.st_atime_ns,
        mtime_ns=status.st_mtime_ns,
        links=status.st_nlink,
        device=status.st_dev,
        inode=status.st_ino,
        attributes=_attributes(fd),
    )


def apply(fd: int, wanted: Metadata) -> None:
    """Give an open file all of it but the content. Raises ``OSError``.

    The order matters: a new owner clears capabilities and set-id bits, and a new file may have inherited an access
    control list from its folder.
    """
    status = os.fstat(fd)
    if (status.st_uid, status.st_gid) != (wanted.uid, wanted.gid):
        os.fchown(fd, wanted.uid, wanted.gid)
    present = _attributes(fd)
    for name in present.keys() - wanted.attributes.keys() - {_LABEL}:
        os.removexattr(fd, name)
    for name, value in sorted(wanted.attributes.items()):
        if name != _CAPABILITY and present.get(name) != value:
            os.setxattr(fd, name, value)
    os.fchmod(fd, stat.S_IMODE(wanted.mode))
    if _CAPABILITY in wanted.attributes:
        os.setxattr(fd, _CAPABILITY, wanted.attributes[_CAPABILITY])
    os.utime(fd, ns=(wanted.atime_ns, wanted.mtime_ns))


def beyond_user(wanted: Metadata) -> str:
    """Return why this user could not put such a file back exactly, "" when there is no reason known."""
    if os.geteuid() == 0:
        return ""
    if wanted.uid != os.geteuid():
        return "it belongs to another user"
    if wanted.gid not in {os.getegid(), *os.getgroups()}:
        return "it belongs to a group that you are not in"
    special = [name for name in wanted.attributes if name.startswith(("security.", "trusted.")) and name != _LABEL]
    return f"it has the attribute {special[0]}, which only root can set" if special else ""


def _attributes(fd: int) -> dict[str, bytes]:
    if not hasattr(os, "listxattr"):
        return {}
    try:
        return {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return {}
        raise
