"""Compound files: Office documents up to 2003, installers, Outlook messages, HWP, and what wraps encrypted documents.

Every stream is a child, and so is what only a certain kind of stream hides: macro source, dropped files, deflated
objects. Sectors that belong to nothing come out as ``rest``.

Source: [MS-CFB], [MS-DOC], [MS-XLS], [MS-PPT], [MS-OXMSG], [MS-OVBA], Hancom's HWP 5.0.
"""

import re
from collections.abc import Iterator

from freehold.formats import officecrypt, olefacts, rtfcompressed, vba, workbook
from freehold.formats.cfb import CompoundFile, Stream
from freehold.formats.extents import rest
from freehold.formats.inflate import DEFLATE
from freehold.formats.ole_native import packaged
from freehold.formats.streams import Stream as Packed
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_MOST_GAPS = 256
_PIECE = 1 << 20
_OBJECT = rb"(?s)[\x00\x10]\x00\x11\x10....(?:....\x78[\x01\x5e\x9c\xda]|\xd0\xcf\x11\xe0)"
_OBJECT_HEAD = 14
_HWP_SIGNATURE = b"HWP Document File"
_HWP_PACKED = frozenset({"BodyText", "BinData", "DocHistory", "Scripts"})
_MSI_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_MSI_NAME = "[\u3800-\u4840]"
_MSG_ATTACHMENT = "__substg1.0_37010102"
_MSG_LONG_NAME, _MSG_SHORT_NAME = "__substg1.0_3707001F", "__substg1.0_3704001F"
_MSG_RTF = "__substg1.0_10090102"
_KINDS = (
    ("WordDocument", "word"),
    ("Workbook", "excel"),
    ("Book", "excel"),
    ("PowerPoint Document", "powerpoint"),
    ("VisioDocument", "visio"),
    ("Quill", "publisher"),
    ("__properties_version1.0", "outlook"),
    ("FileHeader", "hwp"),
    ("!_StringPool", "installer"),
    ("EncryptedPackage", "encrypted"),
)


class _Ole2:
    name = "ole2"
    types = frozenset({"ole2"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the header is damaged."""
        compound = CompoundFile(view, unpacking)
        top = {_label(s.name): s for s in reversed(compound.streams) if len(s.storage) <= 1}
        kind = next((kind for name, kind in _KINDS if name in top), None)
        if kind is not None:
            unpacking.fact("document", kind)
        olefacts.look_at(compound.class_id, compound.streams, unpacking)
        yield from officecrypt.children(compound.streams, unpacking)
        yield from vba.macros(compound.streams, unpacking)
        names = _attachment_names(compound.streams)
        packed = _is_packed_hwp(top.get("FileHeader"))
        seen = set()
        for stream in compound.streams:
            place = (stream.runs[0], stream.size) if stream.runs else None
            if place is None or place in seen:
                continue
            seen.add(place)
            path = "/".join(map(_label, (*stream.storage, stream.name)))
            yield Child(names.get(stream.storage, path) if stream.name == _MSG_ATTACHMENT else path, stream.content())
            yield from _inside(stream, unpacking)
            if packed and (stream.name == "DocInfo" or _HWP_PACKED.intersection(stream.storage)):
                yield from _inflated(stream, path, unpacking)
        yield from _left_over(view, compound)


def _label(name: str) -> str:
    """Return a stream's name as people know it: installers squeeze two letters into one character."""
    return re.sub(_MSI_NAME, _unsqueeze, name)


def _unsqueeze(squeezed: re.Match[str]) -> str:
    code = ord(squeezed[0]) - 0x3800
    if code >= 0x1040:
        return "!"
    if code >= 0x1000:
        return _MSI_LETTERS[code - 0x1000]
    return _MSI_LETTERS[code & 63] + _MSI_LETTERS[code >> 6]


def _attachment_names(streams: list[Stream]) -> dict[tuple[str, ...], str]:
    """Return what an Outlook message calls its attachments, by the storage that each lies in."""
    names: dict[tuple[str, ...], str] = {}
    for wanted in (_MSG_SHORT_NAME, _MSG_LONG_NAME):
        for stream in streams:
            if stream.name == wanted and stream.size:
                names[stream.storage] = stream.read(0, 4096).decode("utf-16-le", "replace")
    return names


def _inside(stream: Stream, unpacking: Unpacking) -> Iterator[Child]:
    """Yield what a stream holds in a way of its own."""
    if stream.name.lower() == "\1ole10native":
        for part in packaged(stream, 4, stream.size):
            yield Child(part.name, stream.content(part.start, part.length))
    elif stream.name == "PowerPoint Document":
        yield from _objects(stream, unpacking)
    elif stream.name in ("Workbook", "Book"):
        yield from workbook.children(stream, unpacking)
    elif stream.name == _MSG_RTF:
        yield Child("body.rtf", rtfcompressed.decompress(stream, unpacking))


def _objects(stream: Stream, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the objects and controls embedded in a presentation, wherever their records lie ([MS-PPT] 2.10.34)."""
    view = stream.whole(unpacking.budget.limits.decoder_memory)
    if view.size < stream.size:
        unpacking.problem(ProblemKind.LIMIT, "the presentation is too large to look for objects in all of it")
    for number, position in enumerate(_records(view, unpacking), 1):
        head = view.read(position, _OBJECT_HEAD)
        length = int.from_bytes(head[4:8], "little")
        end = min(position + 8 + length, view.size)
        if head[8:12] == b"\xd0\xcf\x11\xe0":
            yield Child(f"object-{number}", view.slice(position + 8, end - position - 8))
        else:
            packed = Packed(view, position + 14, DEFLATE, unpacking, end=end, label=f"object {number}")
            yield Child(f"object-{number}", packed.chunks(), packed.consumed)


def _records(view: View, unpacking: Unpacking) -> Iterator[int]:
    """Yield where records begin that look like embedded storages."""
    for start in range(0, view.size, _PIECE):
        unpacking.budget.tick()
        for found in re.finditer(_OBJECT, view.read(start, _PIECE + _OBJECT_HEAD - 1)):
            yield start + found.start()


def _is_packed_hwp(header: Stream | None) -> bool:
    if header is None:
        return False
    data = header.read(0, 40)
    return data.startswith(_HWP_SIGNATURE) and len(data) == 40 and bool(data[36] & 1)


def _inflated(stream: Stream, path: str, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the inflated content of a stream of an HWP document, some of whose streams are stored as they are."""
    view = stream.whole(unpacking.budget.limits.decoder_memory)
    decoder = DEFLATE.open(0)
    try:
        decoder.decompress(view.read(0, 4096), 4096)
    except DEFLATE.errors:
        return
    packed = Packed(view, 0, DEFLATE, unpacking, label=path)
    yield Child(f"{path} inflated", packed.chunks(), packed.consumed)


def _left_over(view: View, compound: CompoundFile) -> Iterator[Child]:
    """Yield what belongs to no stream; what is scattered over very many places comes out in one piece."""
    gaps = compound.claimed.gaps(view.size)
    for start, end in gaps[:_MOST_GAPS]:
        yield from rest(view, start, end)
    if len(gaps) > _MOST_GAPS:
        runs = [(start, end - start) for start, end in gaps[_MOST_GAPS:]]
        yield Child("rest", Stream(view, (), "rest", runs).content())


FORMAT: Format = _Ole2()
