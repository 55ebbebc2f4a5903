"""Where malware that runs, or will run, is found first: for a scan that takes seconds.

What runs is looked up in /proc: the programs of all processes that this user may look at, and the files that they have
mapped, also those that were deleted. Where things start from stands in ``places.tsv``. What is new among the programs
of the system is found by its times.
"""

import glob
import os
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = (b"/usr/bin", b"/usr/sbin", b"/usr/lib", b"/usr/libexec", b"/usr/local", b"/opt", b"/bin", b"/sbin")
"""Folders of programs and libraries."""

RECENT_DAYS = 7
"""A program that changed within so many days is recent."""

_PLACES = Path(__file__).with_name("places.tsv")
_DELETED = b" (deleted)"
_PRIVATE_HOMES = ("/", "/nonexistent", "/dev/null")


def places() -> list[bytes]:
    """Return the files and folders from which programs start, or through which they come, as far as they exist."""
    found: dict[bytes, None] = {}
    for line in _PLACES.read_text(encoding="ascii").splitlines():
        pattern = line.partition("\t")[0]
        if pattern.startswith("#"):
            continue
        homes = _homes() if pattern.startswith("~") else [""]
        for home in homes:
            for path in sorted(glob.glob(home + pattern.removeprefix("~"))):  # noqa: PTH207 - hidden names, as text
                found[os.fsencode(path)] = None
    return _outermost(found)


def running() -> Iterator[bytes]:
    """Yield the files that processes execute or have mapped, each once; a deleted one by its name in /proc."""
    seen: set[tuple[bytes, bytes]] = set()
    own = b"%d" % os.getpid()
    for process in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):  # noqa: PTH208 - names are wanted
        folder = b"/proc/" + process.encode()
        if process.encode() == own:
            continue
        try:
            maps = Path(os.fsdecode(folder), "maps").read_bytes()
        except OSError:
            continue  # it ended, or it is not this user's
        for line in maps.splitlines():
            # address, permissions, offset, device, inode, path: proc_pid_maps(5)
            fields = line.split(None, 5)
            if len(fields) < 6 or fields[4] == b"0" or (fields[3], fields[4]) in seen:
                continue
            seen.add((fields[3], fields[4]))
            path = _path(folder, fields[0], fields[5])
            if path:
                yield path


def _path(folder: bytes, addresses: bytes, path: bytes) -> bytes:
    """Return a name by which a mapped file can be opened, b"" when there is none."""
    if not path.endswith(_DELETED) and path.startswith(b"/") and b"\\" not in path:
        return path if not path.startswith((b"/dev/", b"/memfd:", b"/SYSV")) and os.path.isfile(path) else b""  # noqa: PTH113
    link = folder + b"/map_files/" + addresses
    return link if os.path.isfile(link) else b""  # noqa: PTH113 - paths are bytes


def _homes() -> list[str]:
    """Return the home directories: all for root, else this user's."""
    if os.geteuid() != 0:
        return [os.path.expanduser("~")]  # noqa: PTH111 - text is wanted
    import pwd

    homes = {entry.pw_dir for entry in pwd.getpwall()} - set(_PRIVATE_HOMES)
    return sorted(home for home in homes if os.path.isdir(home) and not home.startswith(("/usr", "/bin", "/proc")))  # noqa: PTH112


def _outermost(paths: dict[bytes, None]) -> list[bytes]:
    """Leave out what lies below another one."""
    return [path for path in paths if not any(path.startswith(other + b"/") for other in paths)]
