"""Where the keys of a PE program's version information stand (``FileDescription``, ``ProductName`` ...).

ClamAV's ``VI`` offsets mean these places: the first byte of each key of a ``StringFileInfo`` block whose value is set.

Source: Microsoft's PE format specification (resources), VS_VERSIONINFO; observed behaviour of ClamAV 1.4.
"""

import struct
from collections.abc import Generator, Iterator
from itertools import islice

from freehold.formats.peresources import Resources
from freehold.model.layout import Layout
from freehold.model.view import View

_VERSION = 16
_MOST_RESOURCES = 16
"""ClamAV looks at no more version resources of one program."""
_VERSION_KEY = "VS_VERSION_INFO\0".encode("utf-16-le")
_STRINGS_KEY = "StringFileInfo\0".encode("utf-16-le")
_VARIABLES_KEY = "VarFileInfo\0".encode("utf-16-le")
_FIXED = b"\xbd\x04\xef\xfe"
_CHILDREN = 6 + 32 + 2 + 52
"""Offset in a version resource of what follows its fixed part."""


def version_keys(view: View, layout: Layout) -> frozenset[int]:
    """Return the offsets in the file of all keys with a value; empty for programs without version information."""
    resources = Resources(view, layout)
    if not resources:
        return frozenset()
    found: set[int] = set()
    for _, address in islice(resources.find(_VERSION), _MOST_RESOURCES):
        entry = resources.at(address)
        header = view.read(entry, 16) if entry is not None else b""
        if len(header) == 16:
            content, size = struct.unpack_from("<II", header)
            start = resources.at(content)
            if start is not None and 4 < size <= view.size - start:
                found.update(start + offset for offset in _keys(view.read(start, min(size, 0xFFFF) + 64), size))
    return frozenset(found)


def version_strings(view: View, layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield what the program says of itself: ``FileDescription``, ``ProductName`` ... and their values."""
    for place in sorted(version_keys(view, layout)):
        head = view.read(place - 6, 2)
        block = view.read(place - 6, _short(head, 0))
        value = _value_at(block, 0, len(block))
        key = block[6:value].decode("utf-16-le", "replace").rstrip("\0")
        yield key, block[value:].decode("utf-16-le", "replace").split("\0", 1)[0]


def _short(block: bytes, at: int) -> int:
    return int.from_bytes(block[at : at + 2], "little")


def _keys(block: bytes, size: int) -> Iterator[int]:
    """Yield the offsets of keys in one version resource."""
    length = _short(block, 0)
    if not (
        _CHILDREN < length <= size
        and _short(block, 2) == 52
        and block.startswith(_VERSION_KEY, 6)
        and block.startswith(_FIXED, 40)
    ):
        return
    at, left = _CHILDREN, length - _CHILDREN
    skipped = _short(block, at)
    if 6 + len(_VARIABLES_KEY) < skipped <= left and block.startswith(_VARIABLES_KEY, at + 6):
        at, left = at + skipped, left - skipped
    length = _short(block, at)
    if left > 6 and 6 + len(_STRINGS_KEY) < length <= left and block.startswith(_STRINGS_KEY, at + 6):
        yield from _tables(block, at + 6 + len(_STRINGS_KEY), length - 6 - len(_STRINGS_KEY))


def _tables(block: bytes, at: int, left: int) -> Iterator[int]:
    while left > 6:
        length = _short(block, at)
        if not 24 < length <= left:
            return
        if not (yield from _strings(block, at + 24, length - 24)):
            return
        at, left = at + length, left - length


def _strings(block: bytes, at: int, left: int) -> Generator[int, None, bool]:
    """Yield the keys of one string table; the value says whether it was sound."""
    while left > 6:
        length = (_short(block, at) + 3) & ~3
        if not 16 < length <= left:
            return False
        if length - _value_at(block, at, length) > 2:
            yield at + 6
        at, left = at + length, left - length
    return True


def _value_at(block: bytes, at: int, length: int) -> int:
    """Return where the value of a string begins, counted from the string's start, ``length`` or more for none."""
    end = 6
    while end + 1 < length:
        end += 2
        if block[at + end - 2 : at + end] == b"\0\0":
            break
    return (end + 3) & ~3
