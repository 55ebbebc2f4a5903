"""What rpm knows: its SQLite database, of rpm 4.16 and later. The older formats (Berkeley DB, ndb) are not read.

A row of ``Packages`` is a header without its magic: the number of index entries and of data bytes, the entries
(tag, type, offset, count; big-endian), the data. See https://rpm-software-management.github.io/rpm/manual/format_header.html
"""

import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.service.packages.packaged import Packaged

if TYPE_CHECKING:
    import sqlite3

_DATABASES = ("var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite")

_NAME, _DIGESTS, _DIRECTORY_INDEXES, _BASENAMES, _DIRECTORIES, _ALGORITHM = 1000, 1035, 1116, 1117, 1118, 5011
_ALGORITHMS = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}  # RFC 4880, 9.4
_WITHOUT_ALGORITHM = 1

_ENTRY = struct.Struct(">IIII")
_NUMBERS, _TEXT, _TEXTS = 4, 6, 8
_LARGEST = 256 << 20
"""Bytes of a header, as rpm itself has it."""


def packaged(wanted: frozenset[bytes], root: Path) -> Iterator[Packaged]:
    """Yield what is known of the wanted absolute paths."""
    yield from _first(root, wanted)


def everything(root: Path) -> Iterator[Packaged]:
    """Yield what is known of every file."""
    yield from _first(root, None)


def _first(root: Path, wanted: frozenset[bytes] | None) -> Iterator[Packaged]:
    for name in _DATABASES:
        path = root / name
        if path.is_file():
            yield from _packaged(wanted, path)
            return


def _packaged(wanted: frozenset[bytes] | None, path: Path) -> Iterator[Packaged]:
    import sqlite3

    names = None
    if wanted is not None:
        names = {path.rpartition(b"/")[2].decode("utf-8", "surrogateescape") for path in wanted}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            for header in _headers(database, names):
                yield from _files(header, wanted)
    except (sqlite3.Error, UnicodeEncodeError):  # what cannot be read is not known
        return


def _headers(database: "sqlite3.Connection", names: set[str] | None) -> Iterator[bytes]:
    if names is None:
        yield from (header for (header,) in database.execute("SELECT blob FROM Packages"))
        return
    numbers: set[int] = set()
    for name in names:
        numbers.update(number for (number,) in database.execute("SELECT hnum FROM Basenames WHERE key = ?", (name,)))
    for number in sorted(numbers):
        for (header,) in database.execute("SELECT blob FROM Packages WHERE hnum = ?", (number,)):
            yield header


def _files(header: bytes, wanted: frozenset[bytes] | None) -> Iterator[Packaged]:
    """Yield the wanted files of one package; a header that breaks the rules yields nothing."""
    try:
        tags = _tags(header)
        (package,) = _texts(tags[_NAME])
        (algorithm,) = _numbers(tags[_ALGORITHM]) if _ALGORITHM in tags else (_WITHOUT_ALGORITHM,)
        directories = _texts(tags[_DIRECTORIES])
        files = zip(_numbers(tags[_DIRECTORY_INDEXES]), _texts(tags[_BASENAMES]), _texts(tags[_DIGESTS]), strict=True)
        for index, name, digest in files:
            path = directories[index] + name
            if digest and (wanted is None or path in wanted):
                text = digest.decode("ascii")
                yield Packaged(path, package.decode("utf-8", "replace"), _ALGORITHMS[algorithm], text)
    except (IndexError, KeyError, ValueError, struct.error):
        return


def _tags(header: bytes) -> dict[int, tuple[int, int, bytes]]:
    """Return type, count and data of each tag, the data up to the end of all."""
    entries, size = struct.unpack_from(">II", header)
    start = 8 + _ENTRY.size * entries
    if len(header) > _LARGEST or start + size > len(header):
        raise ValueError("a header is longer than its row")
    data = header[start : start + size]
    found = {}
    for number in range(entries):
        tag, kind, offset, count = _ENTRY.unpack_from(header, 8 + _ENTRY.size * number)
        if tag in {_NAME, _DIGESTS, _DIRECTORY_INDEXES, _BASENAMES, _DIRECTORIES, _ALGORITHM}:
            found[tag] = kind, count, data[offset:]
    return found


def _texts(tag: tuple[int, int, bytes]) -> list[bytes]:
    kind, count, data = tag
    if kind not in {_TEXT, _TEXTS} or count > len(data):
        raise ValueError("texts expected")
    texts = data.split(b"\0", count)
    if len(texts) <= count:
        raise ValueError("a text has no end")
    return texts[:count]


def _numbers(tag: tuple[int, int, bytes]) -> tuple[int, ...]:
    kind, count, data = tag
    if kind != _NUMBERS or count * 4 > len(data):
        raise ValueError("numbers expected")
    return struct.unpack_from(f">{count}I", data)
