"""Where the files of a feed come from: a mirror on the web, a folder of this machine, or a bundle in one file.

An origin is never trusted: what it gives is verified, whichever it was. It only must not be able to lead out of itself,
to send without an end, or to keep anybody waiting.
"""

import os
import re
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from freehold.model.errors import UsageError
from freehold.updates.client.refusals import EndlessData, Malformed, Unreachable, UnsafeName
from freehold.updates.client.transfer import Absent, Client, check_address

MOST_MEMBERS = 100_000
"""Files that a bundle may have."""

_NOT_FOUND = 404
_CHUNK = 256 << 10
_SAFE = re.compile(r"[!-~]{1,1024}")


class Origin(Protocol):
    """What gives files of a feed by their path in its tree.

    Attributes:
        name: what people call it.
        remote: asking it costs somebody else something.
    """

    name: str
    remote: bool

    def open(self, path: str, limit: int, *, since: str = "") -> Iterator[bytes] | None:
        """Return a file in pieces, or None when it has not changed since an HTTP date.

        Raises:
            Refusal: as ``transfer.Client.open``; or ``UnsafeName``.
        """
        ...


class Mirror:
    """A tree of files on a web server."""

    remote = True

    def __init__(self, address: str, client: Client) -> None:
        check_address(address)
        self.name = address.rstrip("/")
        self._client = client

    def open(self, path: str, limit: int, *, since: str = "") -> Iterator[bytes] | None:
        """See ``Origin``."""
        return self._client.open(f"{self.name}/{checked(path)}", limit, since=since)


class Folder:
    """A tree of files on this machine: a copy, a share, a stick."""

    remote = False

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def open(self, path: str, limit: int, *, since: str = "") -> Iterator[bytes] | None:  # noqa: ARG002 - see Origin
        """See ``Origin``."""
        full = self._folder / checked(path)
        try:
            fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Absent(f"{full}: there is no such file", _NOT_FOUND) from error
        except OSError as error:
            raise Unreachable(f"{full}: {error.strerror}") from error
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            os.close(fd)
            raise EndlessData(f"{full} is no regular file of at most {limit:,} bytes")
        return _pieces(fd, full, limit)


class Bundle:
    """A tree of files in one tar file, which is read where it lies: nothing of it is ever unpacked."""

    remote = False

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        self._file = file
        self._members: dict[str, tuple[int, int]] = {}
        try:
            with tarfile.open(file, "r:") as tar:
                for number, member in enumerate(tar):
                    if member.isreg() and not member.issparse():
                        self._members[member.name.removeprefix("./")] = (member.offset_data, member.size)
                    if number >= MOST_MEMBERS:
                        raise Malformed(f"{file}: a bundle has at most {MOST_MEMBERS:,} files")
        except (OSError, tarfile.TarError, ValueError) as error:
            raise Malformed(f"{file}: it is no bundle, or a damaged one ({error})") from error

    def open(self, path: str, limit: int, *, since: str = "") -> Iterator[bytes] | None:  # noqa: ARG002 - see Origin
        """See ``Origin``."""
        if checked(path) not in self._members:
            raise Absent(f"{self.name}: there is no {path} in this bundle", _NOT_FOUND)
        offset, size = self._members[path]
        if size > limit:
            raise EndlessData(f"{self.name}: {path} has {size:,} bytes where {limit:,} are allowed")
        return self._pieces(offset, size)

    def _pieces(self, offset: int, size: int) -> Iterator[bytes]:
        try:
            with self._file.open("rb", buffering=0) as file:
                file.seek(offset)
                while size and (piece := file.read(min(size, _CHUNK))):
                    size -= len(piece)
                    yield piece
        except OSError as error:
            raise Unreachable(f"{self.name}: {error.strerror}") from error
        if size:
            raise Unreachable(f"{self.name}: it was cut off")


def origin(text: str, client: Client) -> Origin:
    """Return the origin that an address or a path names; raises ``UsageError`` when there is nothing of the kind."""
    path = local_path(text)
    if path is None:
        return Mirror(text, client)
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        return Bundle(path)
    raise UsageError(f"{text}: there is no such folder or bundle; addresses begin with https://")


def local_path(text: str) -> Path | None:
    """Return the place of this machine that an origin names, None for an address on the web; raises ``UsageError``."""
    if text.startswith(("https:", "http:")):
        return None
    if not text.startswith("file:"):
        return Path(text)
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"}:
        raise UsageError(f"{text}: a file address must name a place of this machine, as in file:///srv/feed")
    return Path(unquote(parts.path))


def checked(path: str) -> str:
    """Return a path below the top of a tree; raises ``UnsafeName`` for one that leads elsewhere."""
    steps = unquote(path).split("/")
    if not _SAFE.fullmatch(path) or "\\" in path or path.startswith("/") or not {"", ".", ".."}.isdisjoint(steps[:-1]):
        raise UnsafeName(f"{path!r} is no name of a file of a feed")
    if steps[-1] in {"", ".", ".."}:
        raise UnsafeName(f"{path!r} is no name of a file of a feed")
    return path


def _pieces(fd: int, path: Path, limit: int) -> Iterator[bytes]:
    got = 0
    try:
        while piece := os.read(fd, _CHUNK):
            got += len(piece)
            if got > limit:
                raise EndlessData(f"{path}: it goes on behind the {limit:,} bytes that it may have")
            yield piece
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)
