"""Writing artifacts into a folder: names made safe, nothing ever executable, the true names in a list beside them.

The files of a container ``x.zip`` lie in the folder ``x.zip.d``; what its members' names have before a slash becomes
folders, too. A name only ever adds letters to a path that was made here: no part of it can climb, hide, be too long,
mean a device, or meet a file that exists.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from freehold.model.collected import Record
from freehold.model.errors import UsageError
from freehold.responses.wording import printable

MANIFEST = "artifacts.json"
NEUTRAL_SUFFIX = ".neutral"

_PIECE = 1 << 20
_LONGEST = 120
"""Bytes of one part of a path; with a number and suffixes it stays below the 255 that file systems take."""

_MOST_FOLDERS = 16
"""Folders that the slashes of one name may make."""

_FORBIDDEN = frozenset('/\\:*?"<>|\0')
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_NEUTRAL = bytes(byte ^ 0xFF for byte in range(256))


class Written(NamedTuple):
    """One artifact on disk.

    Attributes:
        record: what it is.
        path: where it lies, relative to the folder; "" for the root, which is not written again.
    """

    record: Record
    path: str


def prepare(folder: Path) -> None:
    """Make the folder, which must not exist, or be empty; raises ``UsageError``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty; name a new folder, so that nothing is overwritten")
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{folder} is not a folder") from error


def write(collected: int, found: Iterable[Record], folder: Path, *, neutral: bool) -> Iterator[Written]:
    """Write artifacts and yield each; what was written before an ``OSError`` stays.

    Args:
        collected: descriptor of the content that the records point into.
        found: in the order visited, parents first.
        folder: exists and is empty.
        neutral: flip every bit, so that nothing can run and no scanner fires; the names get ``NEUTRAL_SUFFIX``.
    """
    inside: list[_Folder] = []  # by depth: where the children of the artifact that was visited last go
    for record in found:
        del inside[record.depth :]
        if not inside:
            inside.append(_Folder(folder, ""))
            yield Written(record, "")
            continue
        *above, name = record.name.replace("\\", "/").split("/")
        place = inside[-1]
        for part in above[:_MOST_FOLDERS]:
            place = place.below(part)
        path = place.file(name + NEUTRAL_SUFFIX if neutral else name)
        _copy(collected, record, path, neutral=neutral)
        inside.append(_Folder(path.with_name(path.name + ".d"), path.name))
        yield Written(record, str(path.relative_to(folder)))


def manifest(written: Iterable[Written]) -> list[dict[str, Any]]:
    """Return what ``MANIFEST`` lists: true names, types, sizes and paths, parents first."""
    return [
        {
            "path": path or None,
            "name": record.name,
            "depth": record.depth,
            "type": record.file_type,
            "size": record.size if path else None,
        }
        for record, path in written
    ]


def write_manifest(folder: Path, written: Iterable[Written]) -> None:
    """Write ``MANIFEST``."""
    (folder / MANIFEST).write_text(json.dumps(manifest(written), indent=2) + "\n", encoding="ascii")


class _Folder:
    """A folder in the making: made when it gets its first file, and aware of the names that are taken."""

    def __init__(self, path: Path, container: str) -> None:
        self._path = path
        self._taken = {MANIFEST} if not container else set()
        self._below: dict[str, _Folder] = {}

    def below(self, name: str) -> "_Folder":
        """Return the folder that stands for ``name``, always the same."""
        known = self._below.get(name)
        if known is None:
            known = self._below[name] = _Folder(self._path / self._take(name), name)
        return known

    def file(self, name: str) -> Path:
        """Return a path that nothing has yet, in a folder that exists."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._path / self._take(name)

    def _take(self, name: str) -> str:
        """Return a safe name of which no other spelling is taken, and neither is the folder for what is inside."""
        safe = _safe(name)
        number = 1
        free = safe
        while free.casefold() in self._taken:
            number += 1
            free = f"{safe} ({number})"
        self._taken |= {free.casefold(), f"{free}.d".casefold()}
        return free


def _safe(name: str) -> str:
    letters = "".join("_" if letter in _FORBIDDEN else letter for letter in printable(name).replace("\\", "%"))
    safe = letters.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").rstrip(". ")
    if not safe or safe[0] in ".-~ " or safe.partition(".")[0].casefold() in _DEVICES:
        safe = "_" + safe
    return safe


def _copy(collected: int, record: Record, path: Path, *, neutral: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        done = 0
        while done < record.size:
            piece = os.pread(collected, min(_PIECE, record.size - done), record.offset + done)
            done += len(piece)
            file.write(piece.translate(_NEUTRAL) if neutral else piece)
