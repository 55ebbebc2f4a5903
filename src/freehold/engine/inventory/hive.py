"""Windows' registry as it lies on a disk: the hives SOFTWARE and SYSTEM, and each user's NTUSER.DAT.

Every key is named, with its texts (those of ``Classes`` left out, which are most of a hive and say what opens what);
services and drivers by their type; and whom the certificates are for that the system trusts. A hive's log files are not
read: what Windows had not yet written back is not seen.

Source: https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md,
[MS-RRP], the types of services in ``CreateServiceW``
"""

import binascii
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.engine.inventory import certificates
from freehold.engine.inventory.items import Item
from freehold.model.artifact import Artifact
from freehold.model.errors import MalformedInput
from freehold.model.limits import Budget
from freehold.model.policy import IndicatorKind
from freehold.model.system import system_path
from freehold.model.view import View

_PATH = re.compile(r"/(?:windows/system32/config/(software|system)|users/[^/]+/ntuser\.dat)$", re.IGNORECASE)
_MAGIC, _BINS = b"regf", 4096
_LONGEST = 4096
"""Characters of a key's path."""

_BLOCK, _BLOCKS = 1 << 16, 256
_MOST = 1_000_000
"""Keys right below another one."""

_ASCII_KEY, _ASCII_VALUE, _RESIDENT = 0x20, 0x01, 0x80000000
_CELL, _LIST, _TEXT, _BLOB = 1024, 8 * 65_536, 2048, 1 << 16
_REG_SZ, _REG_EXPAND_SZ, _REG_BINARY, _REG_DWORD = 1, 2, 3, 4
_VALUE = struct.Struct("<2xHIIIH")
_DRIVER = 0x3
_CERTIFICATE = 0x20
_UNTOLD = re.compile(r"HKLM\\SOFTWARE\\(?:Wow6432Node\\)?Classes\\", re.IGNORECASE)
_SERVICE = re.compile(r"HKLM\\SYSTEM\\(?:ControlSet\d{3})\\Services\\([^\\]+)$", re.IGNORECASE)
_TRUSTED = re.compile(r"\\SystemCertificates\\(?:Auth)?Root\\Certificates\\[0-9A-F]+$", re.IGNORECASE)


class _Key(NamedTuple):
    """A key: its name, where its cell is, and the fields of the cell."""

    name: str
    offset: int
    cell: bytes

    def number(self, at: int) -> int:
        return int.from_bytes(self.cell[at : at + 4], "little")


class _Value(NamedTuple):
    """A value: its name, type, data as far as they are read."""

    name: str
    kind: int
    data: bytes


def reads(artifact: Artifact) -> bool:
    """Whether this is a hive, by its place."""
    return _PATH.search(system_path(artifact.name)) is not None


def items(artifact: Artifact, budget: Budget) -> Iterator[Item]:
    """Yield what a hive says; what is damaged is said at the end, after what is not."""
    found = _PATH.search(system_path(artifact.name))
    hive = _Hive(artifact.view, budget)
    root = f"HKLM\\{found[1].upper()}" if found and found[1] else "HKCU"
    current = hive.current_set() if root == "HKLM\\SYSTEM" else ""
    for path, key in hive.keys(root):
        for item in _told(hive, path, key):
            yield item
            if item.kind is IndicatorKind.REGISTRY and current and item.value.startswith(current):
                yield item._replace(value=f"HKLM\\SYSTEM\\CurrentControlSet{item.value[len(current) :]}")
    if hive.damaged:
        raise MalformedInput(f"{hive.damaged} keys or values of the hive are damaged")


def _told(hive: "_Hive", path: str, key: _Key) -> Iterator[Item]:
    offset = _BINS + key.offset
    yield Item(IndicatorKind.REGISTRY, path, "", offset)
    if _UNTOLD.match(path):
        return
    values = list(hive.values(key))
    for value in values:
        if value.kind in {_REG_SZ, _REG_EXPAND_SZ}:
            yield Item(IndicatorKind.REGISTRY, f"{path}:{value.name}={_text(value.data)}", "", offset)
    if service := _SERVICE.match(path):
        yield from _service(service[1], {value.name.casefold(): value for value in values}, offset)
    if _TRUSTED.search(path):
        for value in values:
            try:
                yield from _trusted(value.data if value.name == "Blob" else b"", offset)
            except (MalformedInput, binascii.Error):
                hive.damaged += 1


def _service(name: str, values: dict[str, _Value], offset: int) -> Iterator[Item]:
    """Yield a driver, by its name and by that of its file, or a service."""
    kind, image = values.get("type"), values.get("imagepath")
    if kind is None or kind.kind != _REG_DWORD:
        return
    if not int.from_bytes(kind.data, "little") & _DRIVER:
        yield Item(IndicatorKind.SERVICE, name, "registered", offset)
        return
    yield Item(IndicatorKind.MODULE, name, "registered", offset)
    file = _text(image.data).replace("/", "\\").rpartition("\\")[2] if image else ""
    if file.casefold().endswith(".sys"):
        yield Item(IndicatorKind.MODULE, file[:-4], f"file of the driver {name}", offset)


def _trusted(blob: bytes, offset: int) -> Iterator[Item]:
    """Yield whom a certificate among the properties of a trusted root is for."""
    position = 0
    while position + 12 <= len(blob):
        kind, _, size = (int.from_bytes(blob[position + at : position + at + 4], "little") for at in (0, 4, 8))
        if kind == _CERTIFICATE:
            for what, name in certificates.owners(blob[position + 12 : position + 12 + size]):
                yield Item(IndicatorKind.PUBLISHER, name, f"{what} of a trusted authority", offset)
        position += 12 + size


def _text(data: bytes) -> str:
    return data.decode("utf-16-le", "replace").partition("\0")[0]


class _Blocks:
    """Keeps the blocks of a view that were read last: what belongs together in a hive mostly lies together."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._kept: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        """As ``View.read``."""
        number, start = divmod(offset, _BLOCK)
        if start + length > _BLOCK:
            return self._view.read(offset, length)
        block = self._kept.get(number)
        if block is None:
            if len(self._kept) == _BLOCKS:
                del self._kept[next(iter(self._kept))]
            block = self._kept[number] = self._view.read(number * _BLOCK, _BLOCK)
        return block[start : start + length]


class _Hive:
    """Reads cells of a hive.

    Attributes:
        damaged: keys and values that could not be read.
    """

    def __init__(self, view: View, budget: Budget) -> None:
        header = view.read(0, 48)
        if header[:4] != _MAGIC:
            raise MalformedInput("no hive of a registry")
        self.damaged = 0
        self._root = int.from_bytes(header[36:40], "little")
        self._read = _Blocks(view).read
        self._budget = budget

    def keys(self, path: str) -> Iterator[tuple[str, _Key]]:
        """Yield every key below the root, each once, with its path."""
        seen = {self._root}
        left = [(path, offset) for offset in self._below(self._key(self._root), seen)]
        while left:
            self._budget.tick()
            above, offset = left.pop()
            try:
                key = self._key(offset)
                below = self._below(key, seen)
            except MalformedInput:
                self.damaged += 1
                continue
            path = f"{above}\\{key.name}"
            if len(path) > _LONGEST:
                self.damaged += 1
                continue
            yield path, key
            left += [(path, offset) for offset in reversed(below)]

    def _below(self, key: _Key, seen: set[int]) -> list[int]:
        """Return the cells of the keys right below a key, but those that were seen, and remember them."""
        offsets = self._offsets(key)
        fresh = [offset for offset in dict.fromkeys(offsets) if offset not in seen]
        self.damaged += len(offsets) - len(fresh)
        seen.update(fresh)
        return fresh

    def values(self, key: _Key) -> Iterator[_Value]:
        """Yield the values of a key; larger data than is needed here are cut off."""
        count = key.number(36)
        try:
            offsets = self._cell(key.number(40), _LIST)[: 4 * count] if count else b""
        except MalformedInput:
            self.damaged += 1
            return
        for at in range(0, len(offsets) - 3, 4):
            self._budget.tick()
            try:
                yield self._value(int.from_bytes(offsets[at : at + 4], "little"))
            except MalformedInput:
                self.damaged += 1

    def current_set(self) -> str:
        """Return the path of the control set that Windows used last, "" if it is not said."""
        for offset in self._offsets(self._key(self._root)):
            key = self._key(offset)
            if key.name.casefold() == "select":
                for value in self.values(key):
                    if value.name.casefold() == "current":
                        return f"HKLM\\SYSTEM\\ControlSet{int.from_bytes(value.data, 'little'):03}"
        return ""

    def _key(self, offset: int) -> _Key:
        cell = self._cell(offset, _CELL)
        if cell[:2] != b"nk" or len(cell) < 77:
            raise MalformedInput(f"no key at byte {_BINS + offset} of the hive")
        name = cell[76 : 76 + int.from_bytes(cell[72:74], "little")]
        encoding = "latin-1" if cell[2] & _ASCII_KEY else "utf-16-le"
        return _Key(name.decode(encoding, "replace"), offset, cell)

    def _offsets(self, key: _Key) -> list[int]:
        """Return the cells of the keys right below a key."""
        if not key.number(20):
            return []
        entries = self._cell(key.number(28), _LIST)
        if entries[:2] != b"ri":
            return _leaf(entries)
        offsets: list[int] = []
        for at in _leaf(entries):
            offsets += _leaf(self._cell(at, _LIST))
            if len(offsets) > _MOST:
                raise MalformedInput("a key has too many others below it")
        return offsets

    def _value(self, offset: int) -> _Value:
        cell = self._cell(offset, _CELL)
        if cell[:2] != b"vk" or len(cell) < 20:
            raise MalformedInput(f"no value at byte {_BINS + offset} of the hive")
        length, size, data, kind, flags = _VALUE.unpack_from(cell)
        name = cell[20 : 20 + length].decode("latin-1" if flags & _ASCII_VALUE else "utf-16-le", "replace")
        most = {_REG_SZ: _TEXT, _REG_EXPAND_SZ: _TEXT, _REG_BINARY: _BLOB, _REG_DWORD: 4}.get(kind, 0)
        if size & _RESIDENT:
            return _Value(name, kind, cell[8 : 8 + min(size & ~_RESIDENT, 4)])
        return _Value(name, kind, self._cell(data, most)[: min(size, most)] if size and most else b"")

    def _cell(self, offset: int, most: int) -> bytes:
        """Return up to ``most`` bytes of a cell that is in use."""
        data = self._read(_BINS + offset, 4 + most)
        size = -int.from_bytes(data[:4], "little", signed=True)
        if size < 8 or len(data) < 8:
            raise MalformedInput(f"no cell in use at byte {_BINS + offset} of the hive")
        return data[4:size]


def _leaf(cell: bytes) -> list[int]:
    """Return the offsets in a list of keys, or in a list of such lists."""
    width = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}.get(cell[:2])
    end = 4 + (width or 0) * int.from_bytes(cell[2:4], "little")
    if width is None or end > len(cell):
        raise MalformedInput("a list of keys is damaged")
    return [int.from_bytes(cell[at : at + 4], "little") for at in range(4, end, width)]
