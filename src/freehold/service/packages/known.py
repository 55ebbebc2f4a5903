"""Asking the databases of all package managers about some files at once."""

import hashlib
import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from freehold.service.packages import dpkg, rpm

_PIECE = 1 << 20


def unmodified(files: Mapping[int, bytes], root: Path = Path("/")) -> dict[int, str]:
    """Return which of these files are as their packages brought them, with the packages' names.

    Args:
        files: open descriptors, with the paths at which they were opened.
        root: of the system whose databases are asked.
    """
    places = {fd: os.path.realpath(path) for fd, path in files.items()}
    wanted = frozenset(places.values())
    if not wanted:
        return {}
    packaged: dict[bytes, list[tuple[str, str, str]]] = {}
    for path, *rest in [*dpkg.packaged(wanted, root), *rpm.packaged(wanted, root)]:
        package, algorithm, digest = rest
        packaged.setdefault(path, []).append((package, algorithm, digest))
    found = {}
    for fd, place in places.items():
        for package, algorithm, digest in packaged.get(place, ()):
            if _digest(fd, algorithm) == digest:
                found[fd] = package
    return found


class Packages:
    """All files of all packages, to ask for one after the other.

    Args:
        root: of the system whose databases are asked.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._known: dict[bytes, list[tuple[str, str]]] = {}
        for path, _, algorithm, digest in chain(dpkg.everything(root), rpm.everything(root)):
            self._known.setdefault(path, []).append((algorithm, digest))

    def __bool__(self) -> bool:
        return bool(self._known)

    def verify(self, path: bytes, fd: int) -> bool:
        """Whether an open file is as its package brought it; raises ``OSError``."""
        place = os.path.realpath(path)
        spellings = {place, place.removeprefix(b"/usr")}  # bin may lie in usr/bin
        known = [entry for spelling in spellings for entry in self._known.get(spelling, [])]
        return any(_digest(fd, algorithm) == digest for algorithm, digest in known)


def _digest(fd: int, algorithm: str) -> str:
    whole = hashlib.new(algorithm, usedforsecurity=False)
    offset = 0
    while piece := os.pread(fd, _PIECE, offset):
        whole.update(piece)
        offset += len(piece)
    return whole.hexdigest()
