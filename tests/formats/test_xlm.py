import struct

import pytest
from tests.formats.driver import open_one

BEGIN, END = struct.pack("<HHHH12x", 0x809, 16, 0x600, 5), struct.pack("<HH", 0x0A, 0)
MACRO_BEGIN = struct.pack("<HHHH12x", 0x809, 16, 0x600, 0x40)


def text(value: str, *, double: bool = False) -> bytes:
    data = value.encode("utf-16-le" if double else "latin-1")
    return bytes((0x17, len(value), double)) + data


def formula(row: int, column: int, tokens: bytes) -> bytes:
    body = struct.pack("<HHH8xHIH", row, column, 0, 0, 0, len(tokens)) + tokens
    return struct.pack("<HH", 6, len(body)) + body


def workbook(*formulas: bytes, kind: int = 1, state: int = 2) -> bytes:
    sheet = struct.pack("<HHIBBBB", 0x85, 13, len(BEGIN) + 17 + len(END), state, kind, 5, 0) + b"Macro"
    return BEGIN + sheet + END + MACRO_BEGIN + b"".join(formulas) + END


def integer(value: int) -> bytes:
    return struct.pack("<BH", 0x1E, value)


def call(number: int, count: int) -> bytes:
    return struct.pack("<BBH", 0x42, count, number)


FORMULAS = {
    'EXEC("cmd /c "&"calc")': text("cmd /c ") + text("calc", double=True) + b"\x08" + call(110, 1),
    'CALL("urlmon","URLDownloadToFileA","JJCCJJ",0)': text("urlmon") + text("URLDownloadToFileA") + text("JJCCJJ")
    + integer(0) + call(150, 4),
    "CHAR(65)": integer(65) + struct.pack("<BH", 0x41, 111),
    "FORMULA(A1:C3,AB7)": struct.pack("<B4H", 0x25, 0, 2, 0, 2) + struct.pack("<BHH", 0x44, 6, 27) + call(0x8060, 2),
    "IF((1+2)>=2.5,HALT(),GOTO(B2))": integer(1) + integer(2) + b"\x03\x15" + struct.pack("<Bd", 0x1F, 2.5) + b"\x0c"
    + b"\x19\x02\x05\x00" + call(54, 0) + struct.pack("<BHH", 0x44, 1, 1) + struct.pack("<BH", 0x41, 53) + call(1, 3),
    'FUNCTION.500("say ""hi""")': text('say "hi"') + call(500, 1),
}  # fmt: skip


@pytest.mark.parametrize(("shown", "tokens"), FORMULAS.items(), ids=range(len(FORMULAS)))
def test_formula_is_shown_as_excel_writes_it(compound, shown, tokens):
    opened = open_one("ole2", compound({"Workbook": workbook(formula(4, 2, tokens))}))
    assert opened.by_name("xlm:Macro").decode() == f"C5: ={shown}\n"
    assert opened.collector.facts["macro-sheets"] == "very hidden"
    assert opened.collector.problems == []


def test_macro_sheet_that_is_not_called_one_is_shown(compound):
    opened = open_one("ole2", compound({"Workbook": workbook(formula(0, 0, call(54, 0)), kind=0, state=0)}))
    assert opened.by_name("xlm:Macro") == b"A1: =HALT()\n"


def test_many_formulas_keep_their_order(compound):
    formulas = [formula(n, 0, integer(n)) for n in range(1000)]
    lines = open_one("ole2", compound({"Workbook": workbook(*formulas)})).by_name("xlm:Macro").decode().splitlines()
    assert lines == [f"A{n + 1}: ={n}" for n in range(1000)]


def test_unknown_tokens_are_kept_as_they_are(compound):
    opened = open_one("ole2", compound({"Workbook": workbook(formula(0, 0, integer(7) + b"\x1b\xaa"))}))
    assert opened.by_name("xlm:Macro") == b"A1: =7 ?1baa\n"


@pytest.mark.parametrize("double", [False, True])
def test_program_that_a_link_starts_is_a_fact(compound, double):
    path = "cmd\3/c calc"
    data = struct.pack("<HHB", 1, len(path), double) + path.encode("utf-16-le" if double else "latin-1")
    link = struct.pack("<HH", 0x1AE, len(data)) + data
    facts = open_one("ole2", compound({"Workbook": BEGIN + link + END + bytes(4096)})).collector.facts
    assert facts["dde"] == "cmd|/c calc"


def test_link_to_another_workbook_is_none(compound):
    data = struct.pack("<HHB", 1, 9, 0) + b"\1book.xls"
    link = struct.pack("<HH", 0x1AE, len(data)) + data
    assert "dde" not in open_one("ole2", compound({"Workbook": BEGIN + link + END + bytes(4096)})).collector.facts
