"""Confining the process that fetches updates: it has the network, so it gets no file of a user's to see."""

import os
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import freehold
from freehold.sandbox import landlock
from freehold.service.private import cache_directory

_SYSTEM = (
    "/usr /bin /sbin /lib /lib32 /lib64 /proc /sys/devices/system/cpu /dev/null /dev/zero /dev/urandom /var/lib/dpkg "
    "/var/lib/rpm /etc/ssl /etc/pki /etc/ca-certificates /etc/resolv.conf /etc/hosts /etc/host.conf /etc/nsswitch.conf "
    "/etc/gai.conf /etc/services /etc/ld.so.cache /etc/localtime /run/systemd/resolve"
)


_OLD = 86_400
"""Seconds after which nobody works with a temporary file any more."""


def available() -> str:
    """Return what confines an update on this machine, for people."""
    version = landlock.abi() if sys.platform == "linux" else 0
    return f"Landlock {version}" if version >= landlock.MOVES else "not confined: this kernel has too old a Landlock"


def become_owner(folder: Path) -> None:
    """Give up being root where feeds belong to a user of their own, who could not change what root wrote there."""
    if os.geteuid() != 0 or not folder.is_dir() or (status := folder.stat()).st_uid == 0:
        return
    os.setgroups([])
    os.setgid(status.st_gid)
    os.setuid(status.st_uid)


def confine(folder: Path, named: Iterable[Path]) -> None:
    """Deny this process every file but the system's, Freehold's, those of feeds and those that the user named.

    Where the kernel cannot, nothing is denied; ``available`` says it.

    Args:
        folder: in which feeds are kept; temporary files go there from now on, too.
        named: folders and bundles that are origins.
    """
    version = landlock.abi() if sys.platform == "linux" else 0
    if version < landlock.MOVES:
        return
    work = folder / ".work"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_old(work)
    tempfile.tempdir = os.environ["TMPDIR"] = str(work)
    writable = [folder, Path("/dev/null")]
    if cache := cache_directory():
        writable.append(cache)
    landlock.allow_only(version, [*map(Path, _SYSTEM.split()), *_program(), *named], writable)


def _remove_old(work: Path) -> None:
    """Remove what updates that were killed have left behind."""
    for path in work.iterdir():
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _OLD:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _program() -> Iterable[Path]:
    """Yield where the program and the libraries that it may still import lie."""
    yield Path(freehold.__file__).parent
    yield from (Path(name) for name in (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib")))
    yield from (Path(os.environ[name]) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name))
    yield from (Path(entry) for entry in sys.path if "site-packages" in entry or entry.endswith(".zip"))
