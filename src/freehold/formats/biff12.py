"""Parts of binary Excel workbooks (XLSB): their formulas, the texts that these came to, and strings, a line each.

Macro sheets are told from others only by their relations, so that formulas of all sheets come out.

Source: [MS-XLSB] 2.1.4 (records), 2.4 (cells, names), 2.5.97 (formulas).
"""

import struct
from collections.abc import Callable, Collection, Iterator

from freehold.formats.xlm import Formula, cell, function_names
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import View

_ROW, _TEXT_CELL, _STRING, _NAME = 0, 6, 19, 39
_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_TRUTH, _FORMULA_ERROR = 8, 9, 10, 11
_CELL = 8
_MORE = 0x80
_LONGEST_RECORD = 1 << 20
_CHUNK_LINES = 256
_LONGEST_TEXT = 1 << 15


class _Formula12(Formula):
    """A formula with numbers of rows that take four bytes, and strings that always take two a character."""

    skipped = Formula.skipped | {0x20: 15, 0x23: 5, 0x26: 7, 0x27: 7, 0x29: 3, 0x2A: 7, 0x2B: 13}
    skipped |= {0x2C: 7, 0x2D: 13, 0x39: 7, 0x3A: 9, 0x3B: 15, 0x3C: 9, 0x3D: 15}

    def _string(self, at: int) -> int:
        count = int.from_bytes(self._tokens[at + 1 : at + 3], "little")
        value = self._tokens[at + 3 : at + 3 + 2 * count].decode("utf-16-le", "replace").replace('"', '""')
        self._stack.append(f'"{value}"')
        return 3 + 2 * count

    def _reference(self, kind: int, at: int) -> int:
        if kind == 0x24:
            row, column = struct.unpack_from("<IH", self._tokens, at + 1)
            self._stack.append(cell(row, column & 0x3FFF))
            return 7
        row, last_row, column, last_column = struct.unpack_from("<IIHH", self._tokens, at + 1)
        self._stack.append(f"{cell(row, column & 0x3FFF)}:{cell(last_row, last_column & 0x3FFF)}")
        return 13


def _records(view: View, wanted: Collection[int], unpacking: Unpacking) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of the records of the wanted types; records beyond ``_LONGEST_RECORD`` are passed over."""
    data = b""
    at = 0
    for _, piece in view.windows(0):
        data, at = data[at:] + bytes(piece[max(at - len(data), 0) :]), max(at - len(data) - len(piece), 0)
        while (found := _header(data, at)) is not None:
            kind, start, end = found
            if end > len(data) and end - start <= _LONGEST_RECORD:
                break
            if kind in wanted and end <= len(data) and end - start <= _LONGEST_RECORD:
                yield kind, data[start:end]
            at = end
        unpacking.budget.tick()
    if at != len(data):
        unpacking.problem(ProblemKind.TRUNCATED, "the last record is cut off")


class _Part:
    """One part, read record by record."""

    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._names = function_names()
        self._row = 0
        self._lines: dict[int, Callable[[bytes], str]] = {
            _ROW: self._begin_row,
            _TEXT_CELL: self._text_cell,
            _STRING: lambda record: _text(record, 1)[0] + "\n",
            _NAME: self._name,
            _FORMULA_TEXT: self._text_formula,
            _FORMULA_NUMBER: lambda record: self._formula(record, _CELL + 8),
            _FORMULA_TRUTH: lambda record: self._formula(record, _CELL + 1),
            _FORMULA_ERROR: lambda record: self._formula(record, _CELL + 1),
        }

    def text(self) -> Iterator[bytes]:
        """Yield the lines in UTF-8."""
        lines: list[str] = []
        for kind, record in _records(self._view, self._lines, self._unpacking):
            try:
                line = self._lines[kind](record)
            except (struct.error, IndexError):
                line = "?\n"
            if line:
                lines.append(line)
            if len(lines) >= _CHUNK_LINES:
                yield "".join(lines).encode("utf-8", "replace")
                lines.clear()
        if lines:
            yield "".join(lines).encode("utf-8", "replace")

    def _begin_row(self, record: bytes) -> str:
        self._row = int.from_bytes(record[:4], "little")
        return ""

    def _place(self, record: bytes) -> str:
        return cell(self._row, int.from_bytes(record[:4], "little"))

    def _text_cell(self, record: bytes) -> str:
        return f'{self._place(record)}: "{_text(record, _CELL)[0]}"\n'

    def _formula(self, record: bytes, at: int) -> str:
        """Show the formula whose flags stand at ``at``."""
        return f"{self._place(record)}: ={self._shown(record, at + 2)}\n"

    def _text_formula(self, record: bytes) -> str:
        """Show a formula, and the text that it came to."""
        value, at = _text(record, _CELL)
        return f'{self._formula(record, at)}{self._place(record)}: "{value}"\n'

    def _name(self, record: bytes) -> str:
        name, at = _text(record, 9)
        return f"{name}: ={self._shown(record, at)}\n"

    def _shown(self, record: bytes, at: int) -> str:
        (size,) = struct.unpack_from("<I", record, at)
        return _Formula12(record[at + 4 : at + 4 + size], self._names, wide=True).text()


def _header(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return type, beginning and end of the record at a place; None when its header is cut off."""
    try:
        kind = data[at]
        at += 1
        if kind >= _MORE:
            kind |= data[at] << 8
            at += 1
        size = data[at]
        at += 1
        if size >= _MORE:
            size &= _MORE - 1
            for shift in (7, 14, 21):
                byte = data[at]
                at += 1
                size |= (byte & (_MORE - 1)) << shift
                if byte < _MORE:
                    break
    except IndexError:
        return None
    return kind, at, at + size


def _text(record: bytes, at: int) -> tuple[str, int]:
    """Return the text that stands in a record, and what follows it."""
    (length,) = struct.unpack_from("<I", record, at)
    end = at + 4 + 2 * min(length, _LONGEST_TEXT)
    return record[at + 4 : end].decode("utf-16-le", "replace"), end


class _Biff12:
    name = "biff12"
    types = frozenset({"biff12"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        yield Child("formulas", _Part(view, unpacking).text())


FORMAT: Format = _Biff12()
