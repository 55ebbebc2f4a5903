"""A Windows program as its loader maps it, read tolerantly: what Windows would load is mapped.

Source: Microsoft's PE format specification.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.emulation.cpu import PAGE
from freehold.model.errors import LimitReached, MalformedInput

LARGEST = 64 << 20
"""Bytes that a program may take in memory; a larger one is not run."""

_MOST_SECTIONS = 96
_MOST_LIBRARIES = 256
_MOST_IMPORTS = 4096
_NAME = 256
_IMPORTS, _THREADS = 1, 9


class Import(NamedTuple):
    """A function that the loader looks up: where its address goes, its library and its name (or number)."""

    place: int
    library: bytes
    name: bytes


class Image:
    """A mapped program; addresses are relative to its base unless it is said otherwise.

    Attributes:
        wide: a 64-bit program.
        base: where it wants to lie.
        entry: its first instruction.
        memory: its content.
    """

    def __init__(self, program: bytes) -> None:
        """Raises ``MalformedInput`` when it cannot be loaded, ``LimitReached`` when it is too large."""
        at = int.from_bytes(program[60:64], "little")
        head = program[at : at + 24 + 240]
        if program[:2] != b"MZ" or head[:4] != b"PE\0\0" or len(head) < 24 + 96:
            raise MalformedInput("no program")
        machine, count, optional = (int.from_bytes(head[n : n + 2], "little") for n in (4, 6, 20))
        if machine not in (0x14C, 0x8664) or not 0 < count <= _MOST_SECTIONS:
            raise MalformedInput(f"no program for x86 (machine {machine:#x})")
        self.wide = head[24:26] == b"\x0b\x02"
        (self.entry,) = struct.unpack_from("<I", head, 40)
        (self.base,) = struct.unpack_from("<Q" if self.wide else "<I", head, 48 if self.wide else 52)
        size, self._headers = struct.unpack_from("<II", head, 80)
        table = program[at + 24 + optional :][: 40 * count]
        sections = list(struct.iter_unpack("<8xIIII16x", table[: len(table) // 40 * 40]))
        end = max([size, *(address + max(virtual, raw) for virtual, address, raw, _ in sections)])
        if end > LARGEST:
            raise LimitReached("emulated_memory", LARGEST)
        self.memory = bytearray(-(-end // PAGE) * PAGE)
        self._put(0, program[: max(min(self._headers, PAGE), 24 + at + optional + 40 * count)])
        for virtual, address, raw, start in sections:
            self._put(address, program[start & ~0x1FF :][: min(raw, -(-(virtual or raw) // PAGE) * PAGE)])
        self._directories = head[24 + (112 if self.wide else 96) :]

    def _put(self, address: int, content: bytes) -> None:
        content = content[: max(len(self.memory) - address, 0)]
        self.memory[address : address + len(content)] = content

    def directory(self, index: int) -> int:
        """Return where a data directory lies, 0 when there is none."""
        return int.from_bytes(self._directories[8 * index : 8 * index + 4], "little")

    def imports(self) -> Iterator[Import]:
        """Yield what the loader looks up before the program begins."""
        form, width, by_number = ("<Q", 8, 1 << 63) if self.wide else ("<I", 4, 1 << 31)
        at = self.directory(_IMPORTS)
        left = _MOST_IMPORTS
        for _ in range(_MOST_LIBRARIES):
            names, _, _, name, places = struct.unpack("<5I", self.memory[at : at + 20].ljust(20, b"\0"))
            if not at or not name or not places:
                return
            library = self.text(name).lower()
            at += 20
            listed = names if self._headers <= names < len(self.memory) else places
            while left and len(field := self.memory[listed : listed + width]) == width:
                (value,) = struct.unpack(form, field)
                if not value:
                    break
                number = b"#%d" % (value & 0xFFFF)
                yield Import(places, library, number if value & by_number else self.text((value & 0x7FFFFFFF) + 2))
                listed, places, left = listed + width, places + width, left - 1

    def callbacks(self) -> list[int]:
        """Return the functions (absolute) that run before the entry point does."""
        at = self.directory(_THREADS)
        form, width = ("<Q", 8) if self.wide else ("<I", 4)
        field = self.memory[at + 3 * width : at + 4 * width]
        if not at or len(field) < width:
            return []
        place = struct.unpack(form, field)[0] - self.base
        table = self.memory[place : place + 8 * width] if place > 0 else b""
        found = [value for (value,) in struct.iter_unpack(form, table[: len(table) // width * width])]
        return found[: found.index(0)] if 0 in found else []

    def text(self, address: int) -> bytes:
        """Return the text that ends with a NUL."""
        return bytes(self.memory[address : address + _NAME]).partition(b"\0")[0]


def as_file(memory: bytes) -> bytes:
    """Return mapped memory as a file whose sections lie where they are loaded."""
    out = bytearray(memory)
    at = int.from_bytes(out[60:64], "little")
    if out[:2] != b"MZ" or out[at : at + 4] != b"PE\0\0" or at + 264 > len(out):
        return memory
    count, optional = (int.from_bytes(out[at + n : at + n + 2], "little") for n in (6, 20))
    struct.pack_into("<I", out, at + 60, PAGE)  # the alignment in the file
    table = at + 24 + optional
    for place in range(table, min(table + 40 * min(count, _MOST_SECTIONS), len(out) - 39), 40):
        size, address, raw = struct.unpack_from("<III", out, place + 8)
        struct.pack_into("<II", out, place + 16, -(-max(size, raw) // PAGE) * PAGE, address)
    return bytes(out)
