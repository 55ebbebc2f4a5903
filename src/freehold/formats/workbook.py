"""Excel workbooks up to 2003: which sheets are macro sheets (XLM).

Source: [MS-XLS] 2.4.28, 2.4.21.
"""

from freehold.formats.ole_native import Source
from freehold.model.interfaces import Unpacking

_END, _FILE_PASS, _BOUND_SHEET = 0x0A, 0x2F, 0x85
_MACRO_SHEET = 1
_GLOBALS_BYTES = 64 << 20
_HIDDEN = ("visible", "hidden", "very hidden")


def report(stream: Source, unpacking: Unpacking) -> None:
    """Record which macro sheets a workbook has."""
    sheets = []
    position = 0
    while position < min(stream.size, _GLOBALS_BYTES):
        head = stream.read(position, 12)
        if len(head) < 4:
            break
        kind, length = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
        if kind in (_END, _FILE_PASS):
            break
        if kind == _BOUND_SHEET and len(head) >= 10 and head[9] == _MACRO_SHEET:
            sheets.append(_HIDDEN[min(head[8] & 3, 2)])
        position += 4 + length
        unpacking.budget.tick()
    if sheets:
        unpacking.fact("macro-sheets", ", ".join(sheets)[:1000])
