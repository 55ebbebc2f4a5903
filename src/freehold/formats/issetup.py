"""Files that InstallShield's launcher of MSI packages carries behind its program: "InstallShield" and "ISSetupStream".

Each is masked by a key made of its own name, half a byte at a time, and mostly packed with zlib.

Source: observed installers; the layout that ISx and others describe.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from freehold.formats.inflate import Inflater
from freehold.formats.streams import Codec, Stream
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

MAGIC, MAGIC_STREAM = b"InstallShield\0", b"ISSetupStream\0"
_HEADER = 46
_FIXED = struct.Struct("<260sI4xI8xH30x")
_NAMED = struct.Struct("<II2xI8xH")
_MASKED, _IN_BLOCKS = 6, 4
_SALT = b"\xec\xca\x79\xf8"
_BLOCK = 1024
_LONGEST_NAME = 1024
_ZLIB_HEADER = 2
_SWAPPED = bytes(value >> 4 | (value & 15) << 4 for value in range(256))


class _File(NamedTuple):
    name: str
    key: bytes
    flags: int
    start: int
    size: int


def _files(view: View, start: int) -> Iterator[_File]:
    """Yield what the header at ``start`` announces, as far as it is plausible."""
    head = view.read(start, _HEADER)
    named = head.startswith(MAGIC_STREAM)
    if len(head) < _HEADER or not (named or head.startswith(MAGIC)) or any(head[22:]):
        return
    position = start + _HEADER
    for _ in range(int.from_bytes(head[14:16], "little")):
        fields = view.read(position, _NAMED.size if named else _FIXED.size)
        if len(fields) < (_NAMED.size if named else _FIXED.size):
            return
        if named:
            length, flags, size, _ = _NAMED.unpack(fields)
            raw = view.read(position + _NAMED.size, min(length, _LONGEST_NAME))
            name = raw.decode("utf-16-le", "replace")
            position += length
        else:
            raw, flags, size, _ = _FIXED.unpack(fields)
            name = raw.split(b"\0")[0].decode("latin-1")
        if not name or not name[0].isprintable():
            return
        position += len(fields)
        yield _File(name, name.encode("utf-8" if named else "latin-1", "replace"), flags, position, size)
        position += size


def measure(view: View, start: int) -> int:
    """Return the length of what the header at ``start`` announces; 0 when there is none."""
    end = start
    for file in _files(view, start):
        end = file.start + file.size
    return end - start


class _Unmasked:
    """A decoder that takes the mask off, and inflates what is behind it; see ``streams.Decoder``."""

    def __init__(self, key: bytes, flags: int, *, packed: bool) -> None:
        mask = bytes(byte ^ _SALT[index % 4] for index, byte in enumerate(key))
        if flags & _IN_BLOCKS:
            mask = bytes(islice(_endless(mask), _BLOCK))
        self._mask = mask if flags & _MASKED else b""
        self._at = 0
        self._inner = Inflater() if packed else None
        self._skip = _ZLIB_HEADER if packed else 0
        self._waiting = b""

    eof = property(lambda self: self._inner is not None and self._inner.eof)
    unused_data = property(lambda self: self._inner.unused_data if self._inner else b"")

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without further input."""
        return not self._waiting and (self._inner is None or self._inner.needs_input)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Take the mask off, and decode; raises ``zlib.error``."""
        plain = self._waiting + self._unmask(data)
        self._waiting = b""
        if self._inner is None:
            self._waiting = plain[max_length:]
            return plain[:max_length]
        plain, self._skip = plain[self._skip :], max(self._skip - len(plain), 0)
        return self._inner.decompress(plain, max_length) if plain or not self._inner.needs_input else b""

    def _unmask(self, data: bytes) -> bytes:
        if not self._mask or not data:
            return data
        place = self._at % len(self._mask)
        mask = (self._mask * ((len(data) + place) // len(self._mask) + 1))[place : place + len(data)]
        self._at += len(data)
        plain = int.from_bytes(data.translate(_SWAPPED), "little") ^ int.from_bytes(mask, "little")
        return plain.to_bytes(len(data), "little")


def _open(key: bytes, flags: int, packed: bool, _memory: int) -> _Unmasked:
    return _Unmasked(key, flags, packed=packed)


def _endless(pattern: bytes) -> Iterator[int]:
    while True:
        yield from pattern


class _IsSetup:
    name = "issetup"
    types = frozenset({"issetup"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        found = 0
        for file in _files(view, 0):
            unpacking.budget.tick()
            found += 1
            first = _Unmasked(file.key, file.flags, packed=False).decompress(view.read(file.start, 2), 2)
            packed = first[:1] == b"\x78" and int.from_bytes(first) % 31 == 0
            codec = Codec("setup", partial(_open, file.key, file.flags, packed), (zlib.error,), ends=packed)
            if file.start + file.size > view.size:
                unpacking.problem(ProblemKind.TRUNCATED, f"{file.name[:100]} is cut off")
            end = file.start + file.size
            stream = Stream(view, file.start, codec, unpacking, end=end, label=file.name[:100])
            yield Child(file.name, stream.chunks(), stream.consumed)
        if found < int.from_bytes(view.read(14, 2), "little"):
            unpacking.problem(ProblemKind.TRUNCATED, "fewer files than announced")


FORMAT: Format = _IsSetup()
