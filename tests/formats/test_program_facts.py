"""Facts about programs are those that readelf and pefile tell, and what was put into programs made here."""

import hashlib
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pefile
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.inventory.reading import read
from tests.formats.driver import Collector, open_one
from tests.formats.installers import code_signature, dotnet_bundle
from tests.formats.programs import Pe, elf, macho, two_sections

from freehold.engine.inventory import items
from freehold.formats.registry import BY_TYPE
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget, Limits
from freehold.model.view import BytesView

IMPORTS = 0x800


def facts(file_type: str, data: bytes) -> dict[str, str | float]:
    return open_one(file_type, data).collector.facts


def readelf(option: str, path: str) -> str:
    return subprocess.run(["readelf", "-W", option, path], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("path", [sys.executable, shutil.which("bash"), shutil.which("readelf")])
def test_elf_facts_are_those_of_readelf(path):
    told = facts("elf", Path(path).read_bytes())
    dynamic = readelf("-d", path)
    assert told["needs"].split(", ") == re.findall(r"NEEDED\).*\[(.*)\]", dynamic)
    assert told["interpreter"] in readelf("-l", path)
    names = re.findall(r"^  \[ *[1-9]\d*\] (\S+)", readelf("-S", path), re.MULTILINE)
    assert [told[f"section.{number}"].split()[0] for number in range(len(names))] == names
    found = re.search(r"Build ID: (\w+)", readelf("-n", path))
    assert told.get("build_id") == (found[1] if found else None)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [False, True])
def test_elf_sections_are_measured(wide, order):
    data = elf(wide=wide, order=order)
    digest = hashlib.md5(data[0x240:0x280], usedforsecurity=False).hexdigest()
    assert any(digest in str(value) for value in facts("elf", data).values())


def _pe(*, wide: bool, rich: bool = True) -> bytes:
    """A program that imports two functions by name and one by number, with a strange one among them."""
    width, number = ("<Q", 1 << 63) if wide else ("<I", 1 << 31)
    names = {0x2100: b"\0\0Sleep\0", 0x2120: b"\0\0?odd@@YA\0", 0x2140: b"KERNEL32.dll\0", 0x2160: b"WS2_32.dll\0"}
    content = {0x800 + address - 0x2000: name for address, name in names.items()}
    content[IMPORTS] = struct.pack("<10I", 0x2080, 0, 0, 0x2140, 0x2080, 0x20C0, 0, 0, 0x2160, 0x20C0) + bytes(20)
    content[0x880] = struct.pack(width, 0x2100) + struct.pack(width, 0x2120) + struct.pack(width, 0)
    content[0x8C0] = struct.pack(width, number | 3) + struct.pack(width, 0)
    program = two_sections(wide=wide, directories={1: (0x2000, 60)}, content=content)
    program.sections[1] = (b".data", 0x300, 0x2000, 0x400, 0x800)
    return program.build() + (b"behind the program " * 9)


@pytest.mark.parametrize("wide", [False, True])
def test_pe_facts_are_those_of_pefile(wide):
    data = _pe(wide=wide)
    told, other = facts("pe", data), pefile.PE(data=data)
    assert told["imphash"] == other.get_imphash() != ""
    assert told["imports"] == "kernel32.dll (2), ws2_32.dll (1)"
    for number, section in enumerate(other.sections):
        assert section.get_hash_md5() in told[f"section.{number}"]
        assert f"entropy {section.get_entropy():.2f}" in told[f"section.{number}"]
    assert told["subsystem"] == "console"
    assert told["overlay"].startswith(f"at {0xC00}, ")


def test_pe_facts_of_windows_programs_are_those_of_pefile():
    programs = sorted(Path("/usr/lib/x86_64-linux-gnu/wine").glob("*-windows/[a-d]*.dll"))[:12]
    if not programs:
        pytest.skip("needs Debian's libwine")
    for path in programs:
        told, other = facts("pe", path.read_bytes()), pefile.PE(str(path))
        assert told.get("imphash", "") == other.get_imphash()
        assert [told[f"section.{number}"].split()[-1] for number, part in enumerate(other.sections)] == [
            part.get_hash_md5() if part.SizeOfRawData else "empty" for part in other.sections
        ]


def test_the_rich_header_is_told():
    key, tools = 0x51F23A77, [(260, 27316, 3), (258, 27316, 1)]
    words = [0x536E6144, 0, 0, 0, *(word for product, build, count in tools for word in (product << 16 | build, count))]
    rich = b"".join(struct.pack("<I", word ^ key) for word in words) + b"Rich" + struct.pack("<I", key)
    data = bytearray(_pe(wide=True))
    program = b"MZ" + bytes(58) + struct.pack("<I", 0x100) + bytes(64) + rich
    moved = program.ljust(0x100, b"\0") + data[64:0x300]
    data[: len(moved)] = moved
    told, other = facts("pe", bytes(data)), pefile.PE(data=bytes(data))
    assert told["rich"] == "260.27316 x 3, 258.27316 x 1"
    assert told["rich_md5"] == other.get_rich_header_hash("md5")


@pytest.mark.parametrize(("order", "wide"), [("<", True), (">", False)])
def test_a_code_signature_names_identifier_and_team(order, wide):
    data = macho(wide=wide, order=order, signature=code_signature("com.example.tool", "ABCDE12345"))
    told = facts("macho", data)
    assert (told["identifier"], told["team_id"]) == ("com.example.tool", "ABCDE12345")
    assert told["signature"] == "of a developer (not checked)"
    assert told["needs"] == "/usr/lib/libSystem.B.dylib"
    assert told["section.0"].startswith("__TEXT,__part0: ")


def test_a_program_that_nobody_signed_says_so():
    told = facts("macho", macho(signature=code_signature("a.out", "", signed=False)))
    assert told["signature"] == "ad hoc (nobody signed)"
    assert "team_id" not in told
    assert facts("macho", macho())["signature"] == "none"


def test_the_inventory_has_team_and_identifier():
    data = macho(signature=code_signature("com.example.tool", "ABCDE12345"))
    artifact = Artifact("Applications/Tool.app/Contents/MacOS/Tool", BytesView(data), "macho")
    found = {(item.kind.value, item.value) for item in items(artifact, Budget(Limits()))}
    assert {("team-id", "ABCDE12345"), ("bundle-id", "com.example.tool")} <= found
    assert all(item.kind.value != "team-id" for item in read("Tool", data))


@pytest.mark.parametrize(("file_type", "data"), [("pe", _pe(wide=False)), ("elf", elf()), ("macho", macho())])
def test_nobody_who_does_not_ask_pays_for_facts(file_type, data):
    quiet = Collector(Budget(Limits()), wants_facts=False)
    list(BY_TYPE[file_type].children(BytesView(data), quiet))
    assert quiet.facts == {}


@pytest.mark.parametrize(
    ("file_type", "whole"),
    [
        ("pe", _pe(wide=True)),
        ("elf", elf()),
        ("macho", macho(signature=code_signature("com.example.tool", "ABCDE12345"))),
    ],
)
@given(st.binary(max_size=60), st.integers(0, 0xD00), st.integers(0, 0xD00))
def test_damage_costs_facts_and_nothing_else(file_type, whole, damage, at, end):
    data = bytearray(whole)
    data[at : at + len(damage)] = damage
    opened = open_one(file_type, bytes(data[:end]), Limits(seconds=20))
    assert len(opened.collector.facts) < 1000


def test_many_sections_are_told_within_bounds():
    sections = [(b"s%d" % number, 0x10, 0x1000 * (number + 1), 0x200, 0x400) for number in range(300)]
    told = facts("pe", Pe(sections=sections, size=0x8000, header_size=0x3000, entry=0).build())
    assert sum(key.startswith("section.") for key in told) == 96


@pytest.mark.parametrize("release", [1, 2, 6])
@pytest.mark.parametrize(("file_type", "program"), [("pe", two_sections().build()), ("elf", elf())])
def test_files_of_a_dotnet_bundle_come_out(file_type, program, release):
    files = {"app.dll": b"MZ" + bytes(range(256)) * 3, "lib/text.txt": b"some text " * 90}
    data = dotnet_bundle(program, 0x500, files, release)
    found = dict(open_one(file_type, data).members)
    assert files.items() <= found.items()
    assert "overlay" not in found


def test_a_dotnet_bundle_of_the_future_is_a_problem():
    data = dotnet_bundle(elf(), 0x500, {"app.dll": b"content"}, release=7)
    assert [kind.value for kind, _ in open_one("elf", data).collector.problems] == ["unsupported"]
