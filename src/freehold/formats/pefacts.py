"""What people want to know of a Windows program: who made it with what, what it calls, how its parts look.

Read for ``explain`` alone. What cannot be read is left out: the program was compared as a whole, and what is inside of
it has problems of its own.

Source: Microsoft's PE format specification; Mandiant, "Tracking malware with import hashing"; for the Rich header,
which has no specification, "The Undocumented Microsoft 'Rich' Header" by Daniel Pistelli.
"""

import hashlib
import struct
from collections import Counter
from datetime import UTC, datetime

from freehold.formats import pe
from freehold.formats.measure import measured
from freehold.formats.peimports import import_text, imports
from freehold.formats.peversion import version_strings
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Unpacking
from freehold.model.layout import Layout, Section
from freehold.model.view import View

_EXPORTS, _DEBUG = 0, 6
_MACHINES = {0x14C: "i386", 0x1C4: "ARM", 0x200: "Itanium", 0x5064: "RISC-V", 0x8664: "x86-64", 0xAA64: "ARM64"}
_SUBSYSTEMS = {
    1: "native", 2: "window", 3: "console", 7: "POSIX", 9: "Windows CE", 10: "EFI application", 11: "EFI boot driver",
    12: "EFI driver", 13: "EFI ROM", 14: "Xbox", 16: "boot application",
}  # fmt: skip
_DEBUG_ENTRY = struct.Struct("<IIHHIIII")
_CODE_VIEW = 2
_MOST_DEBUG_ENTRIES = 16
_SECTION_FLAGS = ((0x40000000, "r"), (0x80000000, "w"), (0x20000000, "x"))
_MOST_SECTIONS = 96
_MOST_NAMED = 40
_LONGEST_TEXT = 256
_RICH_START = 0x80


def tell(view: View, layout: Layout, unpacking: Unpacking) -> None:
    """Record the facts of a program whose header was read."""
    at = int.from_bytes(view.read(60, 4), "little")
    head = view.read(at, 96)
    _tell_header(head, unpacking)
    _tell_rich(view, at, unpacking)
    _tell_imports(view, layout, unpacking)
    _tell_exports(view, layout, unpacking)
    _tell_debug(view, layout, unpacking)
    for key, value in list(dict(version_strings(view, layout)).items())[:_MOST_NAMED]:
        unpacking.fact(f"version.{key[:_LONGEST_TEXT]}", value[:_LONGEST_TEXT])
    table = view.read(at + 24 + int.from_bytes(head[20:22], "little"), 40 * len(layout.sections))
    for number, section in enumerate(layout.sections[:_MOST_SECTIONS]):
        flags = int.from_bytes(table[40 * number + 36 : 40 * number + 40], "little")
        _tell_section(view, number, section, flags, unpacking)


def tell_overlay(view: View, ranges: list[tuple[int, int]], unpacking: Unpacking) -> None:
    """Record what follows the last section: ranges of bytes that neither header nor certificates claim."""
    for start, end in ranges:
        unpacking.fact("overlay", f"at {start}, {measured(view, start, end - start, unpacking.budget)}")


def _tell_header(head: bytes, unpacking: Unpacking) -> None:
    machine, built = struct.unpack_from("<HxxI", head, 4)
    major, minor = head[26:28]
    (subsystem,) = struct.unpack_from("<H", head, 92)
    unpacking.fact("machine", _MACHINES.get(machine, f"0x{machine:x}"))
    unpacking.fact("subsystem", _SUBSYSTEMS.get(subsystem, str(subsystem)))
    unpacking.fact("linker", f"{major}.{minor}")
    unpacking.fact("built", f"{datetime.fromtimestamp(built, UTC):%Y-%m-%dT%H:%M:%SZ}")


def _tell_rich(view: View, end: int, unpacking: Unpacking) -> None:
    """The tools that made the parts of a program: which, and how many parts each; Microsoft's linker leaves it."""
    stub = view.read(_RICH_START, min(max(end - _RICH_START, 0), 4096))
    rich = stub.find(b"Rich")
    if rich < 0 or len(stub) < rich + 8:
        return
    key = stub[rich + 4 : rich + 8]
    repeated = key * (rich // 4 + 1)
    plain = bytes(a ^ b for a, b in zip(stub[:rich], repeated, strict=False))
    begin = plain.find(b"DanS")
    if begin < 0 or begin % 4:
        return
    records = struct.iter_unpack("<HHI", plain[begin + 16 : begin + 16 + (rich - begin - 16) // 8 * 8])
    tools = [f"{product}.{build} x {count}" for build, product, count in records]
    unpacking.fact("rich", ", ".join(tools[:_MOST_NAMED]))
    unpacking.fact("rich_md5", hashlib.md5(plain[begin:], usedforsecurity=False).hexdigest())


def _tell_imports(view: View, layout: Layout, unpacking: Unpacking) -> None:
    functions: list[tuple[bytes, bytes]] = []
    try:
        for function in imports(view, layout, strict=False):
            functions.append(function)  # noqa: PERF402 - what came before a table turned out to be damaged counts
    except MalformedInput:
        if not functions:
            return
    else:
        digest = hashlib.md5(import_text(functions), usedforsecurity=False).hexdigest()
        unpacking.fact("imphash", digest)
    libraries = Counter(library for library, _ in functions)
    words = [f"{library.decode('latin-1')} ({count})" for library, count in libraries.items()]
    unpacking.fact("imports", ", ".join(words[:_MOST_NAMED]))


def _tell_exports(view: View, layout: Layout, unpacking: Unpacking) -> None:
    place = _directory(view, layout, _EXPORTS)
    if place is None:
        return
    head = view.read(place, 40).ljust(40, b"\0")
    name = pe.file_offset(layout, int.from_bytes(head[12:16], "little"), view.size)
    text = _text(view.read(name, _LONGEST_TEXT)) if name is not None else ""
    unpacking.fact("exports", f"{int.from_bytes(head[20:24], 'little')} of {text}")


def _tell_debug(view: View, layout: Layout, unpacking: Unpacking) -> None:
    """Where the maker's computer kept the symbols of the program."""
    place = _directory(view, layout, _DEBUG)
    if place is None:
        return
    table = view.read(place, min(layout.directories[_DEBUG][1], _MOST_DEBUG_ENTRIES * _DEBUG_ENTRY.size))
    whole = table[: len(table) // _DEBUG_ENTRY.size * _DEBUG_ENTRY.size]
    for _, _, _, _, kind, size, _, start in _DEBUG_ENTRY.iter_unpack(whole):
        entry = view.read(start, min(size, 24 + _LONGEST_TEXT)) if kind == _CODE_VIEW else b""
        if entry[:4] == b"RSDS":
            unpacking.fact("pdb", _text(entry[24:]))


def _tell_section(view: View, number: int, section: Section, flags: int, unpacking: Unpacking) -> None:
    rights = "".join(letter if flags & bit else "-" for bit, letter in _SECTION_FLAGS)
    content = measured(view, section.start, section.size, unpacking.budget)
    unpacking.fact(f"section.{number}", f"{section.name} {rights} at 0x{section.address:x}: {content}")


def _directory(view: View, layout: Layout, number: int) -> int | None:
    if len(layout.directories) <= number or not layout.directories[number][0]:
        return None
    return pe.file_offset(layout, layout.directories[number][0], view.size)


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
