"""A copy of what an origin offered at one time: a folder of files, and an index of them.

A snapshot is written into a folder of its own and never changed afterwards. Files that are the same as in the previous
snapshot are hard links to it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from freehold.model.errors import FreeholdError, TrustError

FILE_BYTES = 1 << 30
"""Size that one file of a feed may have."""

TOTAL_BYTES = 8 << 30
"""Size that all files of a feed may have together."""

FILES = 100_000
"""Files that a feed may have."""

_FILES = "files"
_INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of a file in a snapshot.

    Attributes:
        size: in bytes.
        sha256: in hexadecimal digits.
        modified_ns: when it was changed at a local origin, nanoseconds since 1970; 0 from a mirror.
        etag: how the mirror names this version of it; "" when it does not.
        last_modified: when it was changed, in the mirror's words; "" when it does not say.
    """

    size: int
    sha256: str
    modified_ns: int = 0
    etag: str = ""
    last_modified: str = ""


def folder(snapshot: Path) -> Path:
    """Return where the files of a snapshot lie."""
    return snapshot / _FILES


def index(snapshot: Path) -> dict[str, Stored]:
    """Return what is in a snapshot, by name; raises ``TrustError`` when its index is damaged."""
    try:
        listed = json.loads((snapshot / _INDEX).read_bytes())
        return {name: Stored(**fields) for name, fields in listed.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TrustError(f"{snapshot}: the index of this copy is damaged; remove the feed and add it again") from error


def digest(files: dict[str, Stored]) -> str:
    """Return what is the same for snapshots with the same content."""
    content = sorted((name, stored.sha256) for name, stored in files.items())
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class Snapshot:
    """A snapshot that is being written.

    Attributes:
        previous: what was in the one before.
        files: what is in this one so far.
    """

    def __init__(self, previous: Path | None, destination: Path) -> None:
        self.previous = index(previous) if previous else {}
        self.files: dict[str, Stored] = {}
        self._from = folder(previous) if previous else None
        self._destination = destination
        self._total = 0

    def path(self, name: str) -> Path:
        """Return where a file of this snapshot lies."""
        return folder(self._destination) / name

    def keep(self, name: str) -> None:
        """Take a file from the previous snapshot, in which it is."""
        if self._from is None:
            raise KeyError(name)
        stored = self.previous[name]
        target = self._prepared(name)
        try:
            os.link(self._from / name, target)
        except OSError:  # a file system without hard links, or too many of them
            shutil.copyfile(self._from / name, target)
            _sync(target)
        self._record(name, stored)

    def write(
        self, name: str, chunks: Iterable[bytes], *, modified_ns: int = 0, etag: str = "", last_modified: str = ""
    ) -> None:
        """Write a new file; raises ``FreeholdError`` when it is too large."""
        size, sha256 = 0, hashlib.sha256()
        with self._prepared(name).open("xb", buffering=0) as file:
            for chunk in chunks:
                size += len(chunk)
                if size > FILE_BYTES or self._total + size > TOTAL_BYTES:
                    raise FreeholdError(f"{name} is larger than a feed may be")
                sha256.update(chunk)
                _write_all(file.fileno(), chunk)
            os.fsync(file.fileno())
        self._record(name, Stored(size, sha256.hexdigest(), modified_ns, etag, last_modified))

    def finish(self) -> None:
        """Write the index, which makes the snapshot complete, and make sure that all of it is on the disk."""
        folder(self._destination).mkdir(exist_ok=True)
        content = json.dumps({name: asdict(stored) for name, stored in self.files.items()}, indent=1)
        with (self._destination / _INDEX).open("x", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        for top, _, _ in os.walk(self._destination):
            _sync(Path(top))

    def _prepared(self, name: str) -> Path:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _record(self, name: str, stored: Stored) -> None:
        self.files[name] = stored
        self._total += stored.size
        if len(self.files) > FILES or self._total > TOTAL_BYTES:
            raise FreeholdError(f"a feed may have {FILES} files and {TOTAL_BYTES >> 30} GiB")


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
