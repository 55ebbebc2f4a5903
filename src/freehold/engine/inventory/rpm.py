"""rpm's package database in its three forms: SQLite, ndb, Berkeley DB.

Each is a store of headers without their magic: the number of index entries and of data bytes, the entries (tag, type,
offset, count; big-endian), the data.

Source: https://rpm-software-management.github.io/rpm/manual/format_header.html
"""

import re
import struct
from collections.abc import Iterator

from freehold.engine.inventory import rpmstores, sqlite
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path
from freehold.model.view import View

_PATH = re.compile(r"/(?:var/lib|usr/lib/sysimage|usr/share)/rpm/(?:rpmdb\.sqlite|Packages(?:\.db)?)$")
_ENTRY = struct.Struct(">IIII")
_MOST = 1 << 18
"""Bytes of a header that are read: the index, and the texts of the first tags, which stand at the beginning."""

_NAME, _VERSION, _RELEASE = 1000, 1001, 1002
_STRING = 6


def reads(artifact: Artifact) -> bool:
    """Whether this is a database of packages."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield the packages that are installed; what is damaged is said at the end, after those that are not."""
    damaged = 0
    for offset, header in _headers(artifact.view, budget):
        try:
            name, version = _package(header)
        except (KeyError, ValueError, struct.error):
            damaged += 1
            continue
        yield Item(IndicatorKind.PACKAGE, name, f"{version}, installed", offset)
    if damaged:
        raise MalformedInput(f"{damaged} headers of rpm's database are damaged")


def _headers(view: View, budget: Budget) -> Iterator[rpmstores.Header]:
    head = view.read(0, 16)
    if head == sqlite.MAGIC:
        for row in sqlite.rows(view, "Packages", _MOST, budget):
            if row.values and isinstance(row.values[-1], bytes):
                yield row.offset, row.values[-1]
    elif head[:4] == rpmstores.NDB:
        yield from rpmstores.ndb(view, _MOST, budget)
    elif head[rpmstores.BERKELEY_AT :] in rpmstores.BERKELEY:
        for offset, content in rpmstores.berkeley(view, _MOST, budget):
            if len(content) > 8:  # the smallest value says which number is free next
                yield offset, content
    elif view.size:
        raise MalformedInput("no database of rpm's")


def _package(header: bytes) -> tuple[str, str]:
    """Return name and version with release; raises ``KeyError``, ``ValueError`` and ``struct.error``."""
    entries, _ = struct.unpack_from(">II", header)
    data = 8 + entries * _ENTRY.size
    texts = {}
    whole = 8 + (len(header) - 8) // _ENTRY.size * _ENTRY.size
    for tag, kind, offset, _ in _ENTRY.iter_unpack(header[8 : min(data, whole)]):
        if tag in {_NAME, _VERSION, _RELEASE} and kind == _STRING:
            start = data + offset
            texts[tag] = header[start : header.index(b"\0", start)].decode("utf-8", "replace")
        elif tag > _RELEASE:
            break  # they are sorted
    return texts[_NAME], f"{texts[_VERSION]}-{texts[_RELEASE]}"
