"""What dpkg knows: ``info/*.md5sums`` for ordinary files, and ``status`` for configuration files.

Both have MD5 digests, see deb-md5sums(5). A package may call a file ``bin/ls`` that lies in ``usr/bin/ls`` since the
two folders became one; so the paths are looked for in both spellings.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from freehold.service.packages.packaged import Packaged

_DATABASE = "var/lib/dpkg"
_DIGEST = 32
_SEPARATOR = 2
_CONFFILE = re.compile(rb"^ (/[^\n]+) ([0-9a-f]{32})(?: obsolete)?$", re.MULTILINE)
_PACKAGE = re.compile(rb"^Package: (\S+)$", re.MULTILINE)


def packaged(wanted: frozenset[bytes], root: Path) -> Iterator[Packaged]:
    """Yield what is known of the wanted absolute paths."""
    spellings = {spelling: path for path in wanted for spelling in _spellings(path)}
    database = root / _DATABASE
    try:
        for file in _everything(database):
            path = spellings.get(file.path)
            if path is not None:
                yield file._replace(path=path)
        if (database / "status").is_file():
            yield from _configuration(wanted, (database / "status").read_bytes())
    except OSError:  # what cannot be read is not known
        return


def everything(root: Path) -> Iterator[Packaged]:
    """Yield what is known of every ordinary file, by its absolute path as its package spells it."""
    try:
        for file in _everything(root / _DATABASE):
            yield file._replace(path=b"/" + file.path)
    except OSError:  # see above
        return


def _everything(database: Path) -> Iterator[Packaged]:
    for file in sorted((database / "info").glob("*.md5sums")):
        package = file.stem.partition(":")[0]
        for line in file.read_bytes().splitlines():
            yield Packaged(line[_DIGEST + _SEPARATOR :], package, "md5", line[:_DIGEST].decode("ascii", "replace"))


def _spellings(path: bytes) -> Iterator[bytes]:
    relative = path.lstrip(b"/")
    yield relative
    if relative.startswith(b"usr/"):
        yield relative.removeprefix(b"usr/")


def _configuration(wanted: frozenset[bytes], status: bytes) -> Iterator[Packaged]:
    if not any(path.startswith(b"/etc/") for path in wanted):
        return
    for paragraph in status.split(b"\n\n"):
        package = _PACKAGE.search(paragraph)
        for path, digest in _CONFFILE.findall(paragraph):
            if package and path in wanted:
                yield Packaged(path, package[1].decode("ascii", "replace"), "md5", digest.decode("ascii"))
