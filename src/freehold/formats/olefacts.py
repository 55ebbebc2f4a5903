"""What a compound file would start or load when it is opened: old equations, DDE, links, controls; each is a fact.

Source: [MS-DOC] 2.8.25 and 2.9.90, [MS-OLEDS] 2.3.3, [MS-OSHARED] 2.3.1.
"""

import re
from collections.abc import Iterable

from freehold.formats.cfb import Stream
from freehold.model.interfaces import Unpacking

EQUATION_CLASS = bytes.fromhex("02ce020000000000c000000000000046")
"""Of Microsoft Equation 3.0, which runs what a font's name overflows into (CVE-2017-11882, CVE-2018-0802)."""

_FIELD = re.compile(
    rb"\x13\0?(?:[ \t]\0?){0,64}([Dd]\0?[Dd]\0?[Ee]\0?(?:[Aa]\0?[Uu]\0?[Tt]\0?[Oo]\0?)?[ \t\"]\0?[^\x13-\x15]{0,1000})"
)
_TARGET = re.compile(
    rb"(?:[a-z]\0[a-z+.-]\0){1,16}:\0/\0/\0(?:[!-~]\0){1,1000}|\\\0\\\0(?:[!-~]\0){3,1000}", re.IGNORECASE
)
_FIELDS_BYTES = 64 << 20
_LINK_BYTES = 1 << 16
_LETTERS = 1000
_MOST = 20


def look_at(class_id: bytes, streams: Iterable[Stream], unpacking: Unpacking) -> None:
    """Record what the streams of a compound file say that it does."""
    links: dict[str, None] = {}
    controls = 0
    for stream in streams:
        if stream.name == "Equation Native":
            unpacking.fact("equation-editor", True)
        elif stream.name == "WordDocument":
            _fields(stream, unpacking)
        elif stream.name == "\1Ole" and len(links) < _MOST:
            links.update(dict.fromkeys(_targets(stream)))
        elif stream.name == "\3OCXNAME":
            controls += 1
        unpacking.budget.tick()
    if class_id == EQUATION_CLASS:
        unpacking.fact("equation-editor", True)
    if links:
        unpacking.fact("linked-objects", " ".join(links)[:_LETTERS])
    if controls:
        unpacking.fact("controls", controls)


def _fields(stream: Stream, unpacking: Unpacking) -> None:
    found = _FIELD.search(stream.read(0, _FIELDS_BYTES))
    if found:
        unpacking.fact("dde", found[1].replace(b"\0", b"").decode("latin-1").strip()[:_LETTERS])


def _targets(stream: Stream) -> list[str]:
    """Return what an object that is only linked is loaded from."""
    return [text.replace(b"\0", b"").decode("latin-1") for text in _TARGET.findall(stream.read(0, _LINK_BYTES))[:_MOST]]
