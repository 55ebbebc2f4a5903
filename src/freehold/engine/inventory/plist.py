"""What a macOS bundle is: the identifier in its ``Info.plist``, written as XML or binary.

Only the entries of the outermost dictionary are looked at; nothing is built of what lies deeper: depth costs nothing.

Source: Apple's Information Property List reference, Core Foundation's ``CFBinaryPList.c`` (the comment on the format)
"""

import re
from collections.abc import Iterator

from freehold.engine.inventory.content import whole
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path

_PATH = re.compile(r"/Info\.plist$")
_KEYS = ("CFBundleIdentifier", "CFBundleShortVersionString")
_XML = re.compile(
    rb"<(/?)dict>|<key>\s*(CFBundleIdentifier|CFBundleShortVersionString)\s*</key>\s*<string>\s*([^<]{1,256}?)\s*</string>"
)
_DICTIONARY, _ASCII, _UTF16, _INTEGER = 0xD, 0x5, 0x6, 0x1
_TRAILER = 32
_MOST = 10_000
"""Entries of the outermost dictionary."""


def reads(artifact: Artifact) -> bool:
    """Whether this describes a bundle."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield its identifier, with the version."""
    data = whole(artifact, budget)
    if data.startswith(b"bplist00"):
        found = _binary(data)
    else:
        if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            data = data.decode("utf-16", "replace").encode()
        found = _xml(data)
    if identifier := found.get(_KEYS[0]):
        yield Item(IndicatorKind.BUNDLE_ID, identifier, found.get(_KEYS[1], ""))


def _xml(data: bytes) -> dict[str, str]:
    """As ``_binary``."""
    found = {}
    depth = 0
    for part in _XML.finditer(data):
        if not part[2]:
            depth += -1 if part[1] else 1
        elif depth == 1:
            found[part[2].decode()] = part[3].decode("utf-8", "replace")
    return found


def _binary(data: bytes) -> dict[str, str]:
    """Return the texts of the outermost dictionary that have a name of ``_KEYS``."""
    trailer = data[-_TRAILER:]
    if len(data) < 8 + _TRAILER:
        raise MalformedInput("the property list is cut off")
    objects = _Objects(data, trailer[6], int.from_bytes(trailer[24:32], "big"))
    kind, count, start = objects.head(int.from_bytes(trailer[16:24], "big"))
    width = trailer[7]
    if kind != _DICTIONARY or count > _MOST or not 1 <= width <= 8:
        raise MalformedInput("the property list has no dictionary, or one with too many entries")
    numbers = [int.from_bytes(data[start + i * width : start + (i + 1) * width], "big") for i in range(2 * count)]
    found = {}
    for key, value in zip(numbers[:count], numbers[count:], strict=True):
        name = objects.text(key)
        if name in _KEYS:
            found[name] = objects.text(value)
    return found


class _Objects:
    def __init__(self, data: bytes, width: int, table: int) -> None:
        self._data = data
        self._width = width
        self._table = table

    def head(self, number: int) -> tuple[int, int, int]:
        """Return the kind of an object, how many parts it has, and where they begin."""
        at = self._table + number * self._width
        start = int.from_bytes(self._data[at : at + self._width], "big")
        if not 8 <= start < len(self._data) - _TRAILER or at + self._width > len(self._data):
            raise MalformedInput("the property list has an object outside of itself")
        kind, count = self._data[start] >> 4, self._data[start] & 15
        if count < 15 or kind not in {_DICTIONARY, _ASCII, _UTF16}:
            return kind, count, start + 1
        if self._data[start + 1] >> 4 != _INTEGER:
            raise MalformedInput("the property list has a damaged length")
        width = 1 << (self._data[start + 1] & 15)
        if width > 8:
            raise MalformedInput("the property list has a length that is too long")
        return kind, int.from_bytes(self._data[start + 2 : start + 2 + width], "big"), start + 2 + width

    def text(self, number: int) -> str:
        """Return an object that is text; "" when it is anything else."""
        kind, count, start = self.head(number)
        if kind == _ASCII:
            return self._data[start : start + count].decode("ascii", "replace")
        if kind == _UTF16:
            return self._data[start : start + 2 * count].decode("utf-16-be", "replace")
        return ""
