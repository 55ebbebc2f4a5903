"""Where a file's status identifies its content, and what tells one such file system from another.

A file is recognised by its inode and its times. That is sound only where inode numbers are stable, where no change of
content leaves the change time as it was, and where nobody but the kernel writes to the medium. So these are left out:
network and user-space file systems (others change them), file systems in memory (stores to mapped pages change no
time), and media that can be taken out and altered elsewhere: removable disks, USB, loop and network block devices.
"""

import fcntl
import hashlib
import os
import sys
from pathlib import Path

STABLE = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "nilfs2", "reiserfs"}
    | {"squashfs", "erofs", "overlay"}
)
"""Types of file systems with stable inode numbers, under the kernel's own control."""

_UUID_IN_FSID = frozenset({"ext2", "ext3", "ext4", "btrfs", "zfs"})
"""Types whose ``f_fsid`` is made of the file system's own identity, not of its device's number."""

_GET_UUID = 0x80111500
"""``FS_IOC_GETFSUUID`` of linux/fs.h, from Linux 6.9 on: a length and 16 bytes."""

_EXTERNAL = ("/usb", "/block/loop", "/block/nbd", "/block/mmcblk", "/block/rbd", "/firewire")
"""Parts of a device's path in sysfs that mean that its content can be changed elsewhere."""

_BOOTED_FROM = "/"
"""Whatever medium this lies on: who can change the system's own disk elsewhere needs no file to be overlooked."""


class FileSystems:
    """Tells the file systems of folders apart; each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def identity(self, fd: int, device: int) -> bytes:
        """Return 8 bytes that identify a folder's file system, b"" where nothing may be remembered.

        Args:
            fd: the folder, open.
            device: its device number, which stands for the file system during this run.
        """
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = _identify(fd, device) if sys.platform == "linux" else b""
        return known

    def known(self, device: int) -> bytes:
        """Return the identity that was found for a device number, b"" when none was."""
        return self._known.get(device, b"")


def _identify(fd: int, device: int) -> bytes:
    mount = _mount_of(fd)
    if mount is None:
        return b""
    numbers, kind, source, options = mount
    if kind not in STABLE or (device != os.stat(_BOOTED_FROM).st_dev and _is_external(numbers, source)):  # noqa: PTH116
        return b""
    parts: list[object] = [kind, os.fstatvfs(fd).f_fsid, _uuid(fd)]
    if kind == "overlay":  # no identity of its own: its layers and its number, for as long as the kernel runs
        parts += [device, options, _boot()]
    elif not parts[2] and kind not in _UUID_IN_FSID:
        parts += [numbers, _boot()]
    elif "lazytime" in options.split(","):  # a crash may keep a new content and lose its times
        parts.append(_boot())
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()


def _mount_of(fd: int) -> tuple[str, str, str, str] | None:
    """Return device numbers, type, source and options of the mount that a descriptor lies on (proc(5))."""
    try:
        info = Path(f"/proc/self/fdinfo/{fd}").read_text()
        number = next(line.split()[1] for line in info.splitlines() if line.startswith("mnt_id:"))
        for line in Path("/proc/self/mountinfo").read_bytes().decode("utf-8", "surrogateescape").splitlines():
            if line.split(" ", 1)[0] == number:
                before, _, after = line.partition(" - ")
                kind, source, options = after.split(" ", 2)
                return before.split(" ")[2], kind, source, options
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    return None


def _is_external(numbers: str, source: str) -> bool:
    """Whether the medium below a mount can be changed while this system does not look."""
    if numbers.startswith("0:"):  # no device of its own: an overlay, or btrfs, which names one
        try:
            status = os.stat(source)  # noqa: PTH116 - a name of the kernel's
        except OSError:
            return False
        numbers = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        if numbers == "0:0":
            return False
    return _is_external_device(Path("/sys/dev/block", numbers), 8)


def _is_external_device(link: Path, depth: int) -> bool:
    try:
        device = link.resolve(strict=True)
    except OSError:
        return True  # nothing is known of it
    if any(part in str(device) for part in _EXTERNAL):
        return True
    for place in (device, device.parent):
        try:
            if (place / "removable").read_bytes().strip() == b"1":
                return True
        except OSError:
            continue
    try:
        below = [entry for place in (device, device.parent) for entry in (place / "slaves").glob("*")]
    except OSError:
        below = []
    return depth == 0 or any(_is_external_device(entry, depth - 1) for entry in below)


def _uuid(fd: int) -> str:
    answer = bytearray(17)
    try:
        fcntl.ioctl(fd, _GET_UUID, answer)
    except OSError:
        return ""
    return answer[1 : 1 + answer[0]].hex()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
