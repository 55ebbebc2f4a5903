"""Which allowed paths would let an attacker through: places where everybody may put files."""

import os
import stat
import tempfile

_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/")  # noqa: S108 -- they are looked for, not used
_WIDE = frozenset({"/", "/home/", "/root/", "/usr/", "/var/", "/opt/", "/srv/", "/etc/", "/mnt/", "/media/"})


def hole(path: str) -> str:
    """Return why it is dangerous to allow a path, "" when nothing is known against it, or when it is none."""
    if not path:
        return ""
    folder = path if path.endswith("/") else path.rpartition("/")[0] + "/"
    temporary = {*_TEMPORARY, tempfile.gettempdir().rstrip("/") + "/"}
    if any(folder.startswith(top) for top in temporary):
        return f"{path} is in a place for temporary files: whatever is put there is allowed"
    if path in _WIDE:
        return f"{path} is so much that an attacker will find a place in it"
    try:
        writable = _writable(path)
    except OSError:
        return f"{path} does not exist: whoever makes it decides what is allowed"
    return f"others than you and root may write in {writable}: whatever they put there is allowed" if writable else ""


def _writable(path: str) -> str:
    """Return what others can write: the path, or a folder above it; "" for nothing. Raises ``OSError``."""
    place = os.path.realpath(path)
    os.stat(place)  # noqa: PTH116 -- raises where there is nothing
    while True:
        status = os.stat(place)  # noqa: PTH116 -- short
        if status.st_mode & stat.S_IWOTH or status.st_uid not in {0, os.geteuid()}:
            return place
        above = os.path.dirname(place)  # noqa: PTH120 -- short
        if above == place:
            return ""
        place = above
