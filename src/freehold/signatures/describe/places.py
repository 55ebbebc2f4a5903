"""Offsets in words."""

from freehold.model.body import Anchor, Offset
from freehold.signatures.describe.numbers import count

_ANCHORS = {
    Anchor.START: "the start",
    Anchor.END: "the end",
    Anchor.ENTRY: "the entry point",
    Anchor.LAST_SECTION: "the start of the last section",
}


def place(offset: Offset) -> str:
    """Return where a pattern may start: ``at the entry point``, ``4 to 8 bytes after the start``, ``anywhere``."""
    if offset.anchor is Anchor.ANY:
        return "anywhere"
    if offset.anchor is Anchor.SECTION_EXTENT:
        behind = f" or up to {count(offset.shift, 'byte')} behind its end" if offset.shift else ""
        return f"anywhere within section {offset.number} (counted from 0){behind}"
    if offset.anchor is Anchor.VERSION_INFO:
        return "where a key of the program's version information starts"
    if offset.anchor is Anchor.MACRO:
        return f"anywhere, for macro group {offset.number} only"
    if offset.anchor is Anchor.SECTION:
        return _relative(offset, f"the start of section {offset.number} (counted from 0)")
    return _relative(offset, _ANCHORS[offset.anchor])


def _relative(offset: Offset, anchor: str) -> str:
    first, last = offset.value, offset.value + offset.shift
    if first == last == 0:
        return f"at {anchor}"
    if first < 0 < last:
        return f"from {count(-first, 'byte')} before to {count(last, 'byte')} after {anchor}"
    side = "before" if first < 0 else "after"
    near, far = sorted((abs(first), abs(last)))
    if near == far:
        return f"{count(near, 'byte')} {side} {anchor}"
    return f"{near:,} to {count(far, 'byte')} {side} {anchor}"
