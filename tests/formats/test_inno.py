"""Inno Setup: each release's layout, what its own compilers made, what innoextract sees in it, and hostile lists."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.formats import setups
from tests.formats.driver import open_one
from tests.formats.make_packed import CODE, windows_program

from freehold.engine.identify import identify
from freehold.engine.scan import Engine
from freehold.model.limits import MIB, Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

GOLDEN = Path(__file__).parent / "golden/inno"
FILES = {"text.txt": b"one line\n" * 500, "code.exe": b"MZ" + CODE * 20, "b.bin": bytes(range(256)) * 9}
RELEASES = [
    *((5, 1, 10), (5, 1, 13), (5, 3, 5), (5, 3, 9), (5, 5, 0), (5, 6, 0), (6, 0, 0), (6, 1, 0), (6, 3, 0)),
    *((6, 4, 0), (6, 4, 0, 1), (6, 4, 3), (6, 5, 0), (6, 5, 2), (6, 6, 0), (6, 7, 0), (7, 0, 0, 3)),
]


def opened_files(content):
    opened = open_one("pe", content)
    return {name.removeprefix("{app}\\"): data for name, data in opened.members if name != "header"}, opened


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: ".".join(map(str, release)))
def test_files_of_each_release_come_out_under_their_names(release):
    found, opened = opened_files(setups.setup(release, FILES))
    assert found == FILES
    assert opened.collector.problems == []
    assert opened.collector.facts["installer"] == f"Inno Setup {'.'.join(map(str, release))}"


@pytest.mark.parametrize("method", ["lzma", "lzma2", "zlib"])
def test_every_method_is_recognised_by_its_first_bytes(method):
    assert opened_files(setups.setup((6, 1, 0), FILES, method=method))[0] == FILES


def test_calls_are_made_relative_again_also_over_the_ends_of_blocks():
    files = {"a.txt": b"x" * 1001, "code.exe": CODE * 30, "b.exe": b"\xe8\0\0\0\0\xe9" * 30_000}
    assert opened_files(setups.setup((6, 1, 0), files, calls=True))[0] == files


def test_header_with_the_compiled_script_is_yielded():
    assert open_one("pe", (GOLDEN / "5-5.exe").read_bytes()).by_name("header").count("Sample".encode("utf-16-le")) > 1


@pytest.mark.skipif(shutil.which("innoextract") is None, reason="innoextract is not installed")
def test_innoextract_sees_the_same(tmp_path):
    """Its version in Debian 12 knows releases up to 6.2."""
    command = ["innoextract", "-s", "-d", str(tmp_path), str(GOLDEN / "5-5.exe")]
    subprocess.run(command, check=True, capture_output=True)
    theirs = {hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.rglob("*") if path.is_file()}
    ours = set(open_one("pe", (GOLDEN / "5-5.exe").read_bytes()).hashes.values())
    assert theirs
    assert theirs <= ours


def test_program_packed_by_the_compiler_comes_out_as_it_was():
    assert open_one("pe", (GOLDEN / "6-4.exe").read_bytes()).by_name("{tmp}\\prog.exe") == windows_program()


def test_files_in_another_file_are_said_to_be_missing():
    real = bytearray((GOLDEN / "5-5.exe").read_bytes())
    at = real.index(setups.NEW_TABLE)
    real[at + 36 : at + 40] = bytes(4)
    opened = open_one("pe", bytes(real))
    assert opened.kinds == {ProblemKind.TRUNCATED}
    assert "setup-1.bin" in opened.collector.problems[0][1]


def test_parts_of_a_setup_in_several_files_are_incomplete():
    whole = (GOLDEN / "5-5.exe").read_bytes()
    for part in (whole[whole.index(b"Inno Setup Setup Data") :], b"idska32\x1a\0\1\0\0zlb\x1a" + bytes(200)):
        assert identify(BytesView(part)) == "inno"
        assert open_one("inno", part).kinds == {ProblemKind.TRUNCATED}


def test_release_of_the_future_and_changed_tables_are_incomplete():
    future = setups.setup((6, 1, 0), FILES).replace(b"Data (6.1.0)", b"Data (9.1.0)")
    changed = setups.setup((6, 1, 0), FILES).replace(b"rDlPtS", b"nS5W7d")
    for content in (future, changed):
        report = Engine([]).examine(BytesView(content), "setup.exe", Limits())
        assert ProblemKind.UNSUPPORTED in {problem.kind for problem in report.problems}
        assert report.artifacts > 1  # what cannot be read is examined as it lies


def test_bomb_ends_at_the_ratio():
    bomb = setups.setup((6, 1, 0), {"zeros": bytes(80 * MIB)})
    assert open_one("pe", bomb, Limits(ratio_floor=MIB)).kinds == {ProblemKind.LIMIT}


def test_files_that_overlap_are_reported():
    assert open_one("pe", setups.overlapping((6, 1, 0))).kinds == {ProblemKind.MALFORMED}
