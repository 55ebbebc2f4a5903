"""Installers: what stands behind their programs, parts of them that lie elsewhere, and hostile lists."""

import pytest
from tests.formats import eggs, installers
from tests.formats.driver import open_one
from tests.formats.programs import two_sections

from freehold.formats import autoit, issetup
from freehold.model.limits import MIB, Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

PROGRAM = two_sections(size=0xA00).build()
FILES = {"a.txt": b"one line\n" * 500, "b.bin": bytes(range(256)) * 9, "c.txt": b"another line\n" * 700}


@pytest.mark.parametrize("codec", ["latin-1", "utf-16-le"])
def test_files_of_a_self_extracting_setup_come_out_of_their_cabinets(codec):
    program = PROGRAM + installers.setup_files({"setup.ini": b"[Startup]", **installers.cabinet_6(FILES)}, codec)
    opened = open_one("pe", program)
    assert dict(opened.members) == {"Disk1\\setup.ini": b"[Startup]", **FILES}
    assert opened.collector.problems == []


def test_what_follows_the_files_of_a_setup_is_yielded():
    program = PROGRAM + installers.setup_files({"setup.ini": b"[Startup]"}) + b"something hidden" * 10
    assert ("overlay", b"something hidden" * 10) in open_one("pe", program).members


def test_missing_volume_is_said_to_be_missing():
    parts = installers.cabinet_6(FILES)
    opened = open_one("pe", PROGRAM + installers.setup_files({k: parts[k] for k in ("data1.hdr", "data1.cab")}))
    assert opened.kinds == {ProblemKind.TRUNCATED}
    assert opened.by_name("a.txt") == FILES["a.txt"]


def test_volume_without_its_list_is_incomplete():
    assert open_one("iscab", installers.cabinet_6(FILES)["data1.cab"]).kinds == {ProblemKind.TRUNCATED}


@pytest.mark.parametrize("version", [5, 6])
def test_script_is_cut_out_of_a_program_with_its_exact_length(version):
    script = installers.autoit(version, FILES)
    opened = open_one("pe", PROGRAM + b"some data of the program's own" * 3 + script + bytes(100))
    carved = open_one("data", opened.by_name("overlay"))
    assert autoit.measure(BytesView(script), 0) == len(script) - 32
    assert carved.contents == [script[:-32]]


def test_setup_is_measured_by_its_own_sizes():
    setup = installers.setup_stream(FILES, named=True)
    assert issetup.measure(BytesView(b"front" + setup + b"tail"), 5) == len(setup)
    assert issetup.measure(BytesView(b"InstallShield\0 for Windows" * 9), 0) == 0


ZEROS = bytes(40 * MIB)
SMALL = Limits(ratio_floor=8 * MIB)


@pytest.mark.parametrize(
    ("file_type", "bomb"),
    [
        ("issetup", lambda: installers.setup_stream({"zeros": ZEROS}, named=True)),
        ("egg", lambda: eggs.egg({"zeros": (eggs.DEFLATE, [ZEROS])})),
        ("egg", lambda: eggs.egg({"zeros": (eggs.LZMA, [ZEROS])})),
    ],
    ids=["issetup", "egg", "egg-lzma"],
)
def test_bombs_end_at_the_ratio_and_what_came_out_is_kept(file_type, bomb):
    opened = open_one(file_type, bomb(), SMALL)
    assert opened.kinds == {ProblemKind.LIMIT}
    assert 7 * MIB <= len(opened.contents[0]) < 12 * MIB  # pieces are a megabyte or less
