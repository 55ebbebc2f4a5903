"""Excel workbooks up to 2003: their macro sheets, and the programs that they start by DDE.

Source: [MS-XLS] 2.4.21, 2.4.28, 2.4.271.
"""

from collections.abc import Iterator

from freehold.formats import xlm
from freehold.formats.ole_native import Source
from freehold.model.interfaces import Child, Unpacking

_END, _FILE_PASS, _BOUND_SHEET, _SUPPORTING_LINK = 0x0A, 0x2F, 0x85, 0x1AE
_LINK_BYTES = 1024
_MACRO_SHEET = 1
_MACRO_BEGIN = b"\x09\x08", b"\x40\x00"
_GLOBALS_BYTES = 64 << 20
_HIDDEN = ("visible", "hidden", "very hidden")


def children(source: Source, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the formulas of every macro sheet, and record how visible each is."""
    hidden = []
    for name, position, state in _sheets(source, unpacking):
        hidden.append(_HIDDEN[min(state & 3, 2)])
        unpacking.fact("macro-sheets", ", ".join(hidden[:100]))
        yield Child(f"xlm:{name}", xlm.text(source, position, unpacking))


def _sheets(source: Source, unpacking: Unpacking) -> Iterator[tuple[str, int, int]]:
    """Yield name, position and state of the macro sheets: those called so, and those that begin as one."""
    position = 0
    seen = set()
    while position < min(source.size, _GLOBALS_BYTES):
        head = source.read(position, 76)
        if len(head) < 4:
            break
        kind, length = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
        if kind in (_END, _FILE_PASS):
            break
        if kind == _BOUND_SHEET and len(head) >= 12:
            start = int.from_bytes(head[4:8], "little")
            begin = source.read(start, 8)
            if start not in seen and (head[9] == _MACRO_SHEET or (begin[:2], begin[6:]) == _MACRO_BEGIN):
                seen.add(start)
                wide = head[11] & 1
                name = head[12 : 12 + head[10] * (1 + wide)].decode("utf-16-le" if wide else "latin-1", "replace")
                yield name, start, head[8]
        elif kind == _SUPPORTING_LINK:
            _record_dde(source.read(position + 4, min(length, _LINK_BYTES)), unpacking)
        position += 4 + length
        unpacking.budget.tick()


def _record_dde(link: bytes, unpacking: Unpacking) -> None:
    """Record the program that a link starts by DDE: its name and its topic have a byte of 3 between them."""
    wide = len(link) > 4 and link[4] & 1
    text = link[5:].decode("utf-16-le" if wide else "latin-1", "replace")
    program, mark, topic = text.partition("\3")
    if mark and program.isprintable() and program:
        unpacking.fact("dde", f"{program}|{topic}".strip("\0"))
