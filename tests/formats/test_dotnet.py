"""Programs of .NET that Mono's compiler made: their resources, their facts, and metadata that lies."""

import struct
from pathlib import Path

import pytest
from tests.formats.driver import open_one
from tests.formats.make_golden import TEXT

from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

GOLDEN = Path(__file__).parent / "golden"
PROGRAM = (GOLDEN / "pe_inside/dotnet.exe").read_bytes()
VALUES = (GOLDEN / "netresources/values.resources").read_bytes()


def test_values_of_resources_are_found_below_the_program():
    report = Engine([]).examine(BytesView(PROGRAM), "program.exe", Limits(), tree=True)
    found = {node.artifact: node.file_type for node in report.nodes}
    assert "netresources" in found.values()
    assert any(name.endswith("data") and "values.resources" in name for name in found)
    assert report.problems == []


def test_numbers_and_dates_are_no_children():
    names = set(open_one("netresources", VALUES).names)
    assert names >= {"text", "data", "stream", "version"}
    assert names.isdisjoint({"number", "flag", "when", "nothing"})


def test_metadata_is_told_as_facts():
    facts = open_one("pe", PROGRAM).collector.facts
    assert facts["dotnet"] == "v4.0.30319"
    assert facts["dotnet-assembly"] == "out 1.2.3.4"
    assert facts["dotnet-module"] == "out.exe"
    assert len(str(facts["dotnet-mvid"])) == 36
    assert (facts["dotnet-calls"], facts["dotnet-libraries"]) == ("LoadLibrary", "kernel32.dll")
    assert facts["dotnet-references"] == "mscorlib"


def test_resource_longer_than_the_file_is_cut_off():
    at = PROGRAM.rindex(TEXT) - 4
    assert struct.unpack_from("<I", PROGRAM, at) == (len(TEXT),)
    opened = open_one("pe", PROGRAM[:at] + b"\xff\xff\xff\x7f" + PROGRAM[at + 4 :])
    assert opened.kinds == {ProblemKind.TRUNCATED}
    assert opened.by_name("resource:Sample.text").startswith(TEXT)


@pytest.mark.parametrize("stream", [b"#~\0", b"#Strings\0"])
def test_missing_stream_is_no_traceback(stream):
    damaged = PROGRAM.replace(stream, b"#?" + stream[2:])
    assert {ProblemKind.INTERNAL}.isdisjoint(open_one("pe", damaged).kinds)


def test_tables_of_millions_of_rows_end_at_the_end_of_the_stream():
    at = PROGRAM.index(b"BSJB")
    start = at + struct.unpack_from("<I", PROGRAM, PROGRAM.index(b"#~\0", at) - 8)[0]
    damaged = bytearray(PROGRAM)
    damaged[start + 24 : start + 28] = b"\xff\xff\xff\xff"
    opened = open_one("pe", bytes(damaged))
    assert opened.kinds == {ProblemKind.MALFORMED}
