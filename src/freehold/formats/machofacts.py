"""What people want to know of a macOS program: what it needs, what it was made for, who signed it, how its parts look.

Read for ``explain`` alone; what cannot be read is left out.

Source: Apple's <mach-o/loader.h>.
"""

import struct
from collections.abc import Iterator

from freehold.formats import codesign
from freehold.formats.macho_fat import PROCESSORS
from freehold.formats.machocommands import Command, Commands
from freehold.formats.measure import measured
from freehold.model.interfaces import Unpacking
from freehold.model.view import View

_KINDS = {1: "object", 2: "program", 4: "core", 6: "library", 7: "loader", 8: "bundle", 10: "symbols", 11: "driver"}
_SEGMENT, _SEGMENT_64, _UUID, _BUILD_VERSION = 0x1, 0x19, 0x1B, 0x32
_LOADER, _RPATH, _ENCRYPTED = 0xE, 0x1C, {0x21, 0x2C}
_LIBRARIES = {0xC: "needs", 0x18: "needs_weakly", 0x1F: "re_exports", 0xD: "library_id"}
_PLATFORMS = {1: "macOS", 2: "iOS", 3: "tvOS", 4: "watchOS", 6: "Mac Catalyst", 7: "iOS simulator", 11: "visionOS"}
_LEAST = {0x24: "macOS", 0x25: "iOS"}
_MOST_SECTIONS = 256
_MOST_NAMED = 40
_ZERO_FILLED = frozenset({0x01, 0x0C, 0x12})


def tell(view: View, unpacking: Unpacking) -> None:
    """Record the facts of a program that begins with a magic of Mach-O."""
    commands = Commands(view)
    unpacking.fact("machine", PROCESSORS.get(commands.processor, str(commands.processor)))
    unpacking.fact("kind", _KINDS.get(commands.kind, str(commands.kind)))
    named: dict[str, list[str]] = {}
    number = 0
    for command in commands:
        for key, value in _said(command, commands.order):
            named.setdefault(key, []).append(value)
        for section in _sections(command, commands):
            if number < _MOST_SECTIONS:
                _tell_section(view, number, section, unpacking)
                number += 1
    for key, values in named.items():
        unpacking.fact(key, ", ".join(values[:_MOST_NAMED]))
    signature = codesign.read(view)
    for key, value in signature.facts() if signature is not None else (("signature", "none"),):
        unpacking.fact(key, value)


def _said(command: Command, order: str) -> Iterator[tuple[str, str]]:
    """Yield what one command says of the program as a whole."""
    kind, content = command
    words = struct.unpack(f"{order}{len(content) // 4}I", content[: len(content) & ~3])
    if len(words) < 3:
        return
    if kind in _LIBRARIES:
        yield _LIBRARIES[kind], _text(content, words[2])
    elif kind == _RPATH:
        yield "rpath", _text(content, words[2])
    elif kind == _LOADER:
        yield "interpreter", _text(content, words[2])
    elif kind == _UUID:
        yield "uuid", content[8:24].hex()
    elif kind in _LEAST:
        yield "needs_system", f"{_LEAST[kind]} {_version(words[2])}"
    elif kind == _BUILD_VERSION and len(words) > 4:
        yield "needs_system", f"{_PLATFORMS.get(words[2], words[2])} {_version(words[3])}"
        yield "built_for", _version(words[4])
    elif kind in _ENCRYPTED and len(words) > 4:
        yield "encrypted", "yes" if words[4] else "no"


def _sections(command: Command, commands: Commands) -> Iterator[tuple[str, int, int, int]]:
    """Yield name, start, size and flags of each section of a segment."""
    kind, content = command
    if kind != (_SEGMENT_64 if commands.wide else _SEGMENT):
        return
    header = struct.Struct(commands.order + ("16s16x8xQI12xI12x" if commands.wide else "16s16x4xII12xI8x"))
    table = content[72 if commands.wide else 56 :]
    segment = _text(content[:24], 8)
    for name, size, start, flags in header.iter_unpack(table[: len(table) // header.size * header.size]):
        yield f"{segment},{_text(name, 0)}", start, size, flags


def _tell_section(view: View, number: int, section: tuple[str, int, int, int], unpacking: Unpacking) -> None:
    name, start, size, flags = section
    empty = flags & 0xFF in _ZERO_FILLED
    content = "nothing in the file" if empty else measured(view, start, size, unpacking.budget)
    unpacking.fact(f"section.{number}", f"{name}: {content}")


def _version(number: int) -> str:
    return f"{number >> 16}.{number >> 8 & 0xFF}.{number & 0xFF}"


def _text(content: bytes, at: int) -> str:
    return content[at:].split(b"\0", 1)[0].decode("utf-8", "replace")
