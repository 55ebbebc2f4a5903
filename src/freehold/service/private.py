"""The folder in which this user's caches lie: nobody else can write, or even read, what is in it."""

import os
from pathlib import Path


def cache_directory() -> Path | None:
    """Return the folder, made when it is missing; None where there can be none that only this user can write.

    It is ``$XDG_CACHE_HOME/freehold``, otherwise ``~/.cache/freehold``, for root ``/var/cache/freehold``.
    """
    usual = "/var/cache" if os.geteuid() == 0 else os.path.expanduser("~/.cache")  # noqa: PTH111 - must not raise
    folder = Path(os.environ.get("XDG_CACHE_HOME") or usual, "freehold")
    if not folder.is_absolute():
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    is_ours = status.st_uid == os.geteuid() and status.st_mode & 0o170077 == 0o040000
    return folder if is_ours and os.access(folder, os.W_OK) else None
