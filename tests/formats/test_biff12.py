"""Binary workbooks (XLSB), built from their specification, as no free program writes them."""

import struct
import zipfile

import pytest
from tests.formats.driver import open_one
from tests.formats.workbooks import ROW, RUN, call, formula, record, sheet, token, wide

from freehold.engine.identify import identify
from freehold.engine.scan import Engine
from freehold.model.limits import MIB, Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

FORMULAS = {
    'EXEC("cmd /c "&"calc")': RUN,
    "FORMULA(A1:C3,XFD70000)": struct.pack("<BIIHH", 0x25, 0, 2, 0xC000, 0xC002)
    + struct.pack("<BIH", 0x44, 69_999, 0x3FFF) + call(0x8060, 2),
    "CHAR(65)&#3a0000000000000000": struct.pack("<BHBH", 0x1E, 65, 0x41, 111) + b"\x3a" + bytes(8) + b"\x08",
}  # fmt: skip


@pytest.mark.parametrize(("shown", "tokens"), FORMULAS.items(), ids=range(len(FORMULAS)))
def test_formula_is_shown_as_excel_writes_it(shown, tokens):
    part = sheet(ROW, formula(2, 9, bytes(8), tokens))
    assert identify(BytesView(part)) == "biff12"
    opened = open_one("biff12", part)
    assert opened.by_name("formulas").decode() == f"C5: ={shown}\n"
    assert opened.collector.problems == []


def test_text_that_a_formula_came_to_is_shown_with_it():
    part = sheet(ROW, formula(0, 8, wide("http://example.org/x"), token("http://") + token("example.org/x") + b"\x08"))
    assert open_one("biff12", part).by_name("formulas").decode().splitlines() == [
        'A5: ="http://"&"example.org/x"',
        'A5: "http://example.org/x"',
    ]


def test_names_and_strings_are_shown():
    book = record(131) + record(128, bytes(40))
    book += record(39, bytes(9) + wide("_xlnm.Auto_Open") + struct.pack("<I", 7) + struct.pack("<BIH", 0x24, 0, 0))
    assert open_one("biff12", book).by_name("formulas") == b"_xlnm.Auto_Open: =A1\n"
    strings = record(159, bytes(8)) + record(19, b"\0" + wide("Hallo")) + record(19, b"\0" + wide("Wörld"))
    assert identify(BytesView(strings)) == "biff12"
    assert open_one("biff12", strings).by_name("formulas").decode() == "Hallo\nWörld\n"


def test_macro_sheet_in_a_workbook_is_opened(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.xlsb", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/macrosheets/sheet1.bin", sheet(ROW, formula(2, 10, b"\1", RUN)))
    report = Engine([]).examine(BytesView((tmp_path / "book.xlsb").read_bytes()), "book.xlsb", Limits(), tree=True)
    assert any(node.artifact.endswith("formulas") for node in report.nodes)
    assert report.problems == []


def test_cut_off_record_is_reported():
    part = sheet(ROW, formula(2, 9, bytes(8), RUN))
    assert open_one("biff12", part[:-20]).kinds == {ProblemKind.TRUNCATED}


def test_huge_record_is_passed_over_and_none_is_believed():
    huge = b"\x07" + bytes((0x80, 0x80, 0x80, 0x04)) + bytes(8 * MIB)
    part = sheet(huge, ROW, formula(2, 9, bytes(8), RUN))
    opened = open_one("biff12", part)
    assert opened.by_name("formulas").startswith(b"C5: =EXEC")
    assert opened.collector.problems == []
    lying = sheet(b"\x07\xff\xff\xff\x7f" + bytes(6 * MIB))
    assert open_one("biff12", lying).kinds == {ProblemKind.TRUNCATED}
