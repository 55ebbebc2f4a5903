"""Excel 4.0 macro sheets: their formulas as text, one cell a line.

Formulas are stored as tokens in reverse Polish notation. Names of functions are given for those that macros act or
compute with; any other one shows its number.

Source: [MS-XLS] 2.4.127, 2.5.198.
"""

import struct
from collections.abc import Iterator

from freehold.formats.ole_native import Source
from freehold.model.interfaces import Unpacking

_END, _FORMULA = 0x0A, 0x06
_HEAD = 22
_CHUNK_LINES = 256
_FORMULA_BYTES = 8192
_COMMAND = 0x8000
_NAMES = """
1 IF 4 SUM 25 INT 27 ROUND 31 MID 32 LEN 33 VALUE 34 TRUE 35 FALSE 36 AND 37 OR 38 NOT 39 MOD 48 TEXT 53 GOTO 54 HALT
55 RETURN 63 RAND 74 NOW 78 OFFSET 79 ABSREF 82 SEARCH 84 ERROR 88 SET.NAME 110 EXEC 111 CHAR 115 LEFT 116 RIGHT
119 REPLACE 120 SUBSTITUTE 121 CODE 123 DIRECTORY 128 ISNUMBER 132 FOPEN 133 FCLOSE 137 FWRITELN 138 FWRITE
148 INDIRECT 149 REGISTER 150 CALL 166 FILES 171 FOR 172 WHILE 174 NEXT 175 INITIATE 176 REQUEST 177 POKE 178 EXECUTE
185 GET.CELL 186 GET.WORKSPACE 187 GET.WINDOW 188 GET.DOCUMENT 201 UNREGISTER 219 ADDRESS 223 ELSE 225 END.IF
336 CONCATENATE 32769 OPEN 32773 SAVE.AS 32774 FILE.DELETE 32778 QUIT 32784 CLOSE 32785 RUN 32829 DEFINE.NAME
32864 FORMULA 32865 FORMULA.FILL 32877 SELECT 32886 ALERT 32887 NEW 32899 SEND.KEYS 32916 ON.TIME 32917 WAIT
33096 VBA.INSERT.FILE 33151 WORKBOOK.HIDE 33152 WORKBOOK.UNHIDE
"""
_ARITY = {25: 1, 27: 2, 31: 3, 32: 1, 33: 1, 34: 0, 35: 0, 38: 1, 39: 2, 48: 2, 53: 1, 63: 0, 74: 0, 79: 2, 111: 1}
_ARITY |= {119: 4, 121: 1, 128: 1, 133: 1, 137: 2, 138: 2, 172: 1, 174: 0, 201: 1, 223: 0, 225: 0}
_OPERATORS = ("+", "-", "*", "/", "^", "&", "<", "<=", "=", ">=", ">", "<>", " ", ",", ":")
_BINARY = dict(enumerate(_OPERATORS, 0x03))
_UNARY = {0x12: "+", 0x13: "-"}
_SKIPPED = {
    0x23: 5,
    0x39: 7,
    0x3A: 7,
    0x3B: 11,
    0x26: 7,
    0x27: 7,
    0x29: 3,
    0x20: 8,
    0x2A: 5,
    0x2B: 9,
    0x3C: 7,
    0x3D: 11,
}
_USER_DEFINED = 255


def text(source: Source, position: int, unpacking: Unpacking) -> Iterator[bytes]:
    """Yield the formulas of the sheet that begins at ``position``, in UTF-8."""
    names = function_names()
    lines = []
    wide = source.read(position + 4, 2) == b"\0\6"
    while True:
        head = source.read(position, 4)
        if len(head) < 4:
            break
        kind, length = struct.unpack("<HH", head)
        if kind == _END:
            break
        if kind == _FORMULA and length > _HEAD:
            lines.append(_line(source.read(position + 4, min(length, _FORMULA_BYTES)), names, wide=wide))
        position += 4 + length
        if len(lines) >= _CHUNK_LINES:
            yield "".join(lines).encode("utf-8", "replace")
            lines.clear()
        unpacking.budget.tick()
    if lines:
        yield "".join(lines).encode("utf-8", "replace")


def function_names() -> dict[str, str]:
    """Return the names of functions by their numbers, in decimal digits."""
    return dict(zip(*[iter(_NAMES.split())] * 2, strict=True))


def _line(record: bytes, names: dict[str, str], *, wide: bool) -> str:
    if len(record) < _HEAD:
        return "?\n"
    row, column = struct.unpack_from("<HH", record)
    size = int.from_bytes(record[20:22], "little")
    formula = Formula(record[_HEAD : _HEAD + size], names, wide=wide)
    return f"{cell(row, column & 0xFF)}: ={formula.text()}\n"


def cell(row: int, column: int) -> str:
    """Return what a cell is called, by its row and its column, both from 0."""
    letters = ""
    while column >= 0:
        letters = chr(65 + column % 26) + letters
        column = column // 26 - 1
    return letters + str(row + 1)


class Formula:
    """Turns the tokens of one formula into text, with a stack of texts."""

    skipped = _SKIPPED
    """How long those references are that are shown as they stand."""

    def __init__(self, tokens: bytes, names: dict[str, str], *, wide: bool) -> None:
        self._tokens = tokens
        self._names = names
        self._wide = wide
        self._stack: list[str] = []

    def text(self) -> str:
        """Return the formula as Excel writes it."""
        position = 0
        while position < len(self._tokens):
            try:
                position += self._token(position)
            except (IndexError, struct.error, KeyError):
                self._stack.append(f"?{self._tokens[position:].hex()}")
                break
        return " ".join(self._stack)

    def _pop(self) -> str:
        return self._stack.pop() if self._stack else ""

    def _token(self, at: int) -> int:
        """Take one token; return its length."""
        kind = self._tokens[at]
        if kind in _BINARY:
            right = self._pop()
            self._stack.append(f"{self._pop()}{_BINARY[kind]}{right}")
            return 1
        if kind in _UNARY:
            self._stack.append(_UNARY[kind] + self._pop())
            return 1
        if kind < 0x20:
            return self._simple(kind, at)
        return self._classified(kind & 0x1F | 0x20, at)

    def _simple(self, kind: int, at: int) -> int:
        """Take a constant, parentheses, or an attribute."""
        unpack = struct.unpack_from
        if kind == 0x17:
            return self._string(at)
        if kind == 0x19:
            skip = self._tokens[at + 1] == 0x04  # a table of jumps
            return 4 + (2 * (unpack("<H", self._tokens, at + 2)[0] + 1) if skip else 0)
        if kind == 0x1E:
            self._stack.append(str(unpack("<H", self._tokens, at + 1)[0]))
            return 3
        if kind == 0x1F:
            self._stack.append(f"{unpack('<d', self._tokens, at + 1)[0]:g}")
            return 9
        if kind in (0x1C, 0x1D):
            self._stack.append(str(self._tokens[at + 1]))
            return 2
        if kind == 0x15:
            self._stack.append(f"({self._pop()})")
        elif kind == 0x14:
            self._stack.append(self._pop() + "%")
        elif kind == 0x16:
            self._stack.append("")
        else:
            raise KeyError(kind)
        return 1

    def _string(self, at: int) -> int:
        count = self._tokens[at + 1]
        start = at + 2 + self._wide
        double = self._wide and bool(self._tokens[at + 2] & 1)
        data = self._tokens[start : start + count * (1 + double)]
        value = data.decode("utf-16-le" if double else "latin-1", "replace").replace('"', '""')
        self._stack.append(f'"{value}"')
        return start - at + count * (1 + double)

    def _classified(self, kind: int, at: int) -> int:
        """Take a function or a reference."""
        unpack = struct.unpack_from
        if kind == 0x21:
            (number,) = unpack("<H", self._tokens, at + 1)
            self._call(number, _ARITY.get(number, 1))
            return 3
        if kind == 0x22:
            count, number = unpack("<BH", self._tokens, at + 1)
            self._call(number, count & 0x7F)
            return 4
        if kind in (0x24, 0x25):
            return self._reference(kind, at)
        length = self.skipped[kind]
        self._stack.append(f"#{self._tokens[at : at + length].hex()}")
        return length

    def _reference(self, kind: int, at: int) -> int:
        """Take a cell, or a range of cells."""
        if kind == 0x24:
            row, column = struct.unpack_from("<HH", self._tokens, at + 1)
            self._stack.append(cell(row, column & 0xFF))
            return 5
        row, last_row, column, last_column = struct.unpack_from("<4H", self._tokens, at + 1)
        self._stack.append(f"{cell(row, column & 0xFF)}:{cell(last_row, last_column & 0xFF)}")
        return 9

    def _call(self, number: int, count: int) -> None:
        arguments = [self._pop() for _ in range(count)][::-1]
        name = self._names.get(str(number), f"FUNCTION.{number & ~_COMMAND}")
        if number == _USER_DEFINED and arguments:
            name = arguments.pop(0)
        self._stack.append(f"{name}({','.join(arguments)})")
