"""Packed programs are unpacked in confined processes of their own; what goes wrong there costs one answer."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.emulation import code

from freehold.formats import pe
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind, Verdict
from freehold.model.view import BytesView
from freehold.sandbox import emulating
from freehold.sandbox.modes import Mode
from freehold.service.entry import Entry
from freehold.service.pool import scan
from freehold.signatures.compile import build

FILES = Path("/usr/share/clamav-testfiles")
TEST_FILE = b"aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n"
SECRET = b"Secret.Text:0:*:" + code.SECRET.hex().encode() + b"\n"
LIMITS = Limits()
PACKED = code.program(code.NARROW + code.RETURN, name=b".aspack")


@pytest.fixture
def emulator():
    pytest.importorskip("icicle", reason="icicle-emu is not installed")


def examine(tmp_path, programs, signatures=SECRET, mode=Mode.SANDBOX, limits=LIMITS):
    """Scan programs with one worker, in order; returns the reports by name."""
    source = tmp_path / ("own.hdb" if signatures is TEST_FILE else "own.ndb")
    source.write_bytes(signatures)
    build([source], tmp_path / "bundle")
    entries = []
    for name, program in programs.items():
        path = tmp_path / name
        path.write_bytes(program)
        entries.append(Entry(os.fsencode(path), os.open(path, os.O_RDONLY), len(program)))
    found = scan(entries, bundles=[tmp_path / "bundle"], limits=limits, jobs=1, mode=mode)
    return {Path(os.fsdecode(each.path)).name: each.report for each in found}


@pytest.mark.usefixtures("emulator")
@pytest.mark.skipif(not FILES.is_dir(), reason="clamav-testfiles is not installed")
@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.PROVE])
def test_clamavs_packed_test_files_are_unpacked(tmp_path, mode):
    packers = ("aspack", "fsg", "mew", "pespin", "petite", "upack", "upx", "wwpack", "yc")
    programs = {name: (FILES / f"clam-{name}.exe").read_bytes() for name in packers}
    patient = LIMITS._replace(program_seconds=30.0)
    reports = examine(tmp_path, programs, TEST_FILE, mode, patient)
    assert {name for name, report in reports.items() if report.verdict is Verdict.INFECTED} == set(packers)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("wide", [False, True])
def test_what_a_program_hides_is_found(tmp_path, wide):
    program = code.program((code.WIDE if wide else code.NARROW) + code.RETURN, wide=wide)
    report = examine(tmp_path, {"program": program})["program"]
    assert [(found.name, found.artifact) for found in report.detections] == [("Secret.Text", "program ▸ memory")]


def launcher(name: str) -> Path:
    """Return a Windows program that comes with pip; Debian's pip has none."""
    for path in Path(sys.base_prefix).glob(f"lib/python*/site-packages/pip/_vendor/distlib/{name}"):
        return path
    pytest.skip(f"this Python brings no {name}")


@pytest.mark.usefixtures("emulator")
@pytest.mark.skipif(shutil.which("upx") is None, reason="upx is not installed")
@pytest.mark.parametrize("name", ["t32.exe", "w64.exe"])
@pytest.mark.parametrize("method", ["--nrv2e", "--lzma"])
def test_upx_without_its_header_is_unpacked_all_the_same(tmp_path, name, method):
    path = launcher(name)
    subprocess.run(["upx", "-qqf", method, "-o", tmp_path / "upx", path], check=True, stdout=subprocess.DEVNULL)
    original = path.read_bytes()
    signature = b"Code:0:*:" + original[0x1800:0x1840].hex().encode() + b"\n"
    program = (tmp_path / "upx").read_bytes().replace(b"UPX!", b"abc!")
    report = examine(tmp_path, {"program": program}, signature)["program"]
    assert [found.artifact for found in report.detections] == ["program ▸ memory"]


def damaged(name, code):
    """One of ClamAV's test files with other instructions where it begins."""
    program = (FILES / f"clam-{name}.exe").read_bytes()
    start = pe.read(BytesView(program)).entry
    return program[:start] + code + program[start + len(code) :]


@pytest.mark.usefixtures("emulator")
@pytest.mark.skipif(not FILES.is_dir(), reason="clamav-testfiles is not installed")
def test_what_fails_before_it_has_unpacked_anything_is_incomplete(tmp_path):
    illegal, returns = b"\x0f\x0b", b"\xc3"
    programs = {name: damaged(name, illegal) for name in ("aspack", "mew", "pespin", "petite", "upack", "yc")}
    programs |= {f"{name}-returns": damaged(name, returns) for name in ("aspack", "petite", "wwpack")}
    reports = examine(tmp_path, programs, TEST_FILE)
    for name, report in reports.items():
        assert report.verdict is Verdict.INCOMPLETE, name
        assert ProblemKind.UNSUPPORTED in {problem.kind for problem in report.problems}, name
        assert any("could not be unpacked: " in problem.detail for problem in report.problems), name
    assert "returns, having unpacked nothing" in reports["petite-returns"].problems[0].detail
    assert "begins where it may write" in reports["pespin"].problems[0].detail


@pytest.mark.usefixtures("emulator")
def test_a_program_that_was_never_packed_is_clean(tmp_path):
    assert examine(tmp_path, {"plain": code.program(code.RETURN)})["plain"].verdict is Verdict.CLEAN


@pytest.mark.usefixtures("emulator")
def test_memory_is_examined_after_a_fault_and_incomplete_when_nothing_is_found(tmp_path):
    program = code.program(code.NARROW + b"\x0f\x0b")
    found = examine(tmp_path, {"fault": program})["fault"]
    assert [detection.artifact for detection in found.detections] == ["fault ▸ memory"]
    nothing = examine(tmp_path, {"fault": program}, b"Absent:0:*:" + bytes(range(1, 21)).hex().encode() + b"\n")[
        "fault"
    ]
    assert nothing.verdict is Verdict.INCOMPLETE
    assert [problem.kind for problem in nothing.problems] == [ProblemKind.UNSUPPORTED]


@pytest.mark.usefixtures("emulator")
@pytest.mark.skipif(shutil.which("upx") is None, reason="upx is not installed")
def test_upx_with_a_header_that_lies_is_run_and_then_no_problem(tmp_path):
    path = launcher("t32.exe")
    subprocess.run(["upx", "-qqf", "-o", tmp_path / "upx", path], check=True, stdout=subprocess.DEVNULL)
    program = bytearray((tmp_path / "upx").read_bytes())
    at = program.index(b"UPX!")
    program[at + 16 : at + 20] = (0x10000).to_bytes(4, "little")  # the size, which the stub does not look at
    signature = b"Code:0:*:" + path.read_bytes()[0x1800:0x1840].hex().encode() + b"\n"
    report = examine(tmp_path, {"program": bytes(program)}, signature)["program"]
    assert [found.artifact for found in report.detections] == ["program ▸ memory"]
    assert report.problems == []


@pytest.mark.usefixtures("emulator")
def test_a_program_that_never_ends_is_incomplete_and_costs_no_other(tmp_path):
    endless = code.program(code.ENDLESS, name=b".petite")
    reports = examine(tmp_path, {"endless": endless, "next": PACKED})
    assert [problem.kind for problem in reports["endless"].problems] == [ProblemKind.LIMIT]
    assert "packed with Petite" in reports["endless"].problems[0].detail
    assert reports["next"].verdict is Verdict.INFECTED


@pytest.mark.usefixtures("emulator")
def test_all_programs_of_a_file_share_one_time(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("endless", code.program(code.ENDLESS, name=b".petite"))
        archive.writestr("packed", PACKED)
    limits = Limits(program_seconds=0.5, emulation_seconds=0.1)
    report = examine(tmp_path, {"archive": content.getvalue()}, limits=limits)["archive"]
    assert report.verdict is Verdict.INCOMPLETE
    assert {problem.kind for problem in report.problems} == {ProblemKind.LIMIT}
    assert "limit program_seconds = 0.5 reached" in report.problems[0].detail
    assert "limit emulation_seconds = 0.1 reached" in report.problems[-1].detail


def test_without_an_emulator_what_was_recognised_is_incomplete(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "icicle", None)
    reports = examine(tmp_path, {"known": PACKED, "unknown": code.program(code.NARROW + code.RETURN)})
    [problem] = reports["known"].problems
    assert problem.kind is ProblemKind.UNSUPPORTED
    assert "ASPack" in problem.detail
    assert "freehold[emulation]" in problem.detail
    assert reports["unknown"].verdict is Verdict.CLEAN


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("misdeed", "words"),
    [(lambda *_: os.abort(), "crashed"), (lambda *_: os.open("/etc/passwd", os.O_RDONLY), "forbidden system call")],
    ids=["abort", "open"],
)
def test_an_emulator_that_misbehaves_is_ended_alone(tmp_path, monkeypatch, misdeed, words):
    monkeypatch.setattr(emulating, "unpack", misdeed)
    reports = examine(tmp_path, {"packed": PACKED, "plain": b"nothing"})
    [problem] = reports["packed"].problems
    assert problem.kind is ProblemKind.CRASHED
    assert words in problem.detail
    assert reports["plain"].verdict is Verdict.CLEAN
