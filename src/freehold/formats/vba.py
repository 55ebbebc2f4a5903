"""VBA projects inside compound files: the source of every module.

A storage with a stream ``dir`` is a project. Where a module's source begins is read from there, and found by its own
first line besides, because ``dir`` can be made to lie. The compiled form in front of the source (p-code) is what Office
runs when its version fits: text that only the p-code knows means that somebody replaced the source.

Source: [MS-OVBA] 2.3.4 and 2.4.1.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from freehold.formats.cfb import Stream
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind

_MODULE_NAME, _MODULE_NAME_WIDE, _STREAM_NAME, _STREAM_NAME_WIDE = 0x19, 0x47, 0x1A, 0x32
_MODULE_OFFSET, _MODULE_END, _PROJECT_VERSION = 0x31, 0x2B, 0x09
_SOURCE = rb"(?s)\x01(?=.[\xb0-\xbf]\x00Attribut)"
_PCODE_TEXT = rb"(?s)\xb9\x00([\x06-\xff]\x00|.[\x01-\x07])([\x20-\x7e]{6,})"
_CHUNK = 4096
_DIR_BYTES = 8 << 20
_MODULE_BYTES = 64 << 20
_MOST_TEXTS = 2000


class Module(NamedTuple):
    """Where ``dir`` says that a module's source is."""

    name: str
    stream: str
    offset: int


def decompress(data: bytes, start: int, damaged: Callable[[str], None]) -> Iterator[bytes]:
    """Yield what the compressed container at ``start`` holds, in chunks of up to 4096 bytes.

    Args:
        data: the stream.
        start: where the container begins.
        damaged: called once, with a reason, if it is.
    """
    if data[start : start + 1] != b"\1":
        damaged("no compressed container")
        return
    position = start + 1
    while position + 2 < len(data):
        header = data[position] | data[position + 1] << 8
        end = position + (header & 0xFFF) + 3
        if header >> 12 & 7 != 3:
            if data[position:].strip(b"\0"):
                damaged(f"no chunk at byte {position}")
            return
        if header & 0x8000:
            out, whole = _chunk(data, position + 2, min(end, len(data)))
        else:
            out, whole = bytearray(data[position + 2 : end]), True
        if out:
            yield bytes(out)
        if not whole or end > len(data):
            damaged(f"the chunk at byte {position} is " + ("cut off" if whole else "damaged"))
            return
        position = end


def _chunk(data: bytes, position: int, end: int) -> tuple[bytearray, bool]:
    """Return a decompressed chunk, and whether it was whole."""
    out = bytearray()
    while position < end:
        flags = data[position]
        position += 1
        for bit in range(8):
            if position >= end:
                break
            if not flags >> bit & 1:
                out.append(data[position])
                position += 1
                continue
            if position + 1 >= end or not out:
                return out, False
            token = data[position] | data[position + 1] << 8
            position += 2
            width = max((len(out) - 1).bit_length(), 4)
            length = (token & 0xFFFF >> width) + 3
            distance = (token >> 16 - width) + 1
            if distance > len(out):
                return out, False
            if distance >= length:
                out += out[-distance : len(out) - distance + length]
            else:
                out += (out[-distance:] * (length // distance + 1))[:length]
        if len(out) > _CHUNK:
            return out[:_CHUNK], False
    return out, True


def _modules(directory: bytes) -> Iterator[Module]:
    """Yield the modules that a decompressed ``dir`` stream lists."""
    position = 0
    name = stream = ""
    offset = 0
    while position + 6 <= len(directory):
        kind, size = struct.unpack_from("<HI", directory, position)
        if kind == _PROJECT_VERSION:
            size = 6
        data = directory[position + 6 : position + 6 + size]
        position += 6 + size
        if kind in (_MODULE_NAME, _STREAM_NAME):
            text = data.decode("latin-1")
            name, stream = (text, stream) if kind == _MODULE_NAME else (name, text)
        elif kind in (_MODULE_NAME_WIDE, _STREAM_NAME_WIDE):
            text = data.decode("utf-16-le", "replace")
            name, stream = (text, stream) if kind == _MODULE_NAME_WIDE else (name, text)
        elif kind == _MODULE_OFFSET:
            offset = int.from_bytes(data[:4], "little")
        elif kind == _MODULE_END:
            yield Module(name, stream or name, offset)
            name, stream, offset = "", "", 0


def macros(streams: Sequence[Stream], unpacking: Unpacking) -> Iterator[Child]:
    """Yield the source of every module of every project among the streams of a compound file."""
    projects = [s for s in streams if s.name.lower() == "dir"]
    stomped: list[str] = []
    for project in projects:
        listed = {m.stream.lower(): m for m in _modules(_directory(project, unpacking))}
        for stream in streams:
            if stream.storage == project.storage and stream is not project:
                yield from _sources(stream, listed.pop(stream.name.lower(), None), unpacking, stomped)
        for module in listed.values():
            unpacking.problem(ProblemKind.MALFORMED, f"the macro module {module.name!r} is missing")
    if projects:
        unpacking.fact("vba-projects", len(projects))
    if stomped:
        unpacking.fact("vba-stomped", ", ".join(stomped)[:1000])


def _directory(project: Stream, unpacking: Unpacking) -> bytes:
    def damaged(reason: str) -> None:
        unpacking.problem(ProblemKind.MALFORMED, f"the list of macro modules is damaged: {reason}")

    out = bytearray()
    for chunk in decompress(project.read(0, _DIR_BYTES), 0, damaged):
        out += chunk
        unpacking.budget.tick()
        if len(out) > _DIR_BYTES:
            unpacking.problem(ProblemKind.LIMIT, f"the list of macro modules is longer than {_DIR_BYTES} bytes")
            break
    return bytes(out)


def _sources(stream: Stream, module: Module | None, unpacking: Unpacking, stomped: list[str]) -> Iterator[Child]:
    """Yield each source in a stream: the one that ``dir`` points to, and any other that looks like one."""
    data = stream.read(0, _MODULE_BYTES)
    name = module.name if module else stream.name
    starts = [module.offset] if module else []
    starts += [found.start() for found in re.finditer(_SOURCE, data) if found.start() not in starts]
    for number, start in enumerate(starts):
        yield Child(f"macro:{name}", _source(data, start, name, unpacking, stomped if number == 0 else None))


def _source(data: bytes, start: int, name: str, unpacking: Unpacking, stomped: list[str] | None) -> Iterator[bytes]:
    def damaged(reason: str) -> None:
        unpacking.problem(ProblemKind.MALFORMED, f"the source of the macro module {name!r} is damaged: {reason}")

    source = bytearray()
    for chunk in decompress(data, start, damaged):
        source += chunk
        yield chunk
    if stomped is not None and _knows_more(data[:start], bytes(source)):
        stomped.append(name)


def _knows_more(pcode: bytes, source: bytes) -> bool:
    """Tell whether p-code has text constants that its source lacks."""
    for number, found in enumerate(re.finditer(_PCODE_TEXT, pcode)):
        length = int.from_bytes(found[1], "little")
        text = found[2][:length]
        if len(text) == length and text.replace(b'"', b'""') not in source:
            return True
        if number > _MOST_TEXTS:
            break
    return False
