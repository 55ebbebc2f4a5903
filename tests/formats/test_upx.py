"""What UPX packed, compared with the programs before it packed them, and with its own way of unpacking them."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.formats.driver import open_one
from tests.formats.make_packed import windows_program

from freehold.formats import nrv, pe, upx
from freehold.formats.peimports import import_list
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.limits import MIB, Budget, Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

METHODS = ["--nrv2b", "--nrv2d", "--nrv2e", "--lzma"]
WINDOWS = sorted(Path(sys.base_prefix).glob("lib/python*/site-packages/pip/_vendor/distlib/[tw]*.exe"))
LINUX = [path for path in map(Path, ("/bin/true", "/usr/bin/gpgv")) if path.exists()]

needs_upx = pytest.mark.skipif(shutil.which("upx") is None, reason="upx is not installed")


def packed(path, folder, *options):
    result = folder / "packed"
    done = subprocess.run(["upx", "-qqf", *options, "-o", result, path], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"upx packs no such program: {done.stderr.strip()}")
    return result.read_bytes()


def sections(program):
    """The content of each section of a program, by name."""
    view = BytesView(program)
    return {s.name: view.read(s.start, s.size) for s in pe.read(view).sections}


def imports(program):
    """What a 32-bit program imports; UPX orders the libraries anew."""
    view = BytesView(program)
    return sorted((import_list(view, pe.read(view)) or b"").split(b","))


@needs_upx
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", LINUX, ids=lambda path: path.name)
def test_a_linux_program_is_restored_byte_for_byte(path, method, tmp_path):
    opened = open_one("elf", packed(path, tmp_path, method))
    assert opened.contents == [path.read_bytes()]
    assert opened.collector.problems == []


@needs_upx
@pytest.mark.parametrize("level", ["-1", "-5", "--best"])
@pytest.mark.parametrize("path", WINDOWS, ids=lambda path: path.name)
def test_code_and_imports_of_a_windows_program_are_restored(path, level, tmp_path):
    original = path.read_bytes()
    opened = open_one("pe", packed(path, tmp_path, level))
    restored = opened.by_name("unpacked")
    assert sections(restored)[".text"] == sections(original)[".text"]
    assert imports(restored) == imports(original)
    assert opened.collector.problems == []


@needs_upx
@pytest.mark.parametrize("filter_", ["0x11", "0x13", "0x14", "0x16", "0x24", "0x26", "0x49"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_and_filter_of_windows_programs(method, filter_, tmp_path):
    path = tmp_path / "program.exe"
    path.write_bytes(windows_program())
    data = packed(path, tmp_path, method, f"--filter={filter_}")
    assert open_one("pe", data).by_name("unpacked") == windows_program()


def test_sizes_that_lie_cost_nothing():
    data = bytearray(Path(__file__).with_name("golden").joinpath("pe_inside/nrv2b.exe").read_bytes())
    at = data.index(b"UPX!")
    data[at + 16 : at + 20] = (0x7FFFFFFF).to_bytes(4, "little")
    opened = open_one("pe", bytes(data))
    assert "unpacked" not in opened.names
    assert opened.kinds == {ProblemKind.LIMIT}


@pytest.mark.parametrize("variant", ["b", "d", "e"])
@pytest.mark.parametrize("word", [1, 2, 4])
def test_any_bytes_decode_or_are_refused(variant, word):
    source = random.Random(5)
    for _ in range(300):
        data = source.randbytes(source.randrange(60))
        with pytest.raises(MalformedInput):
            nrv.decode(variant, word, data, 1000, lambda: None)


def test_endless_numbers_are_refused():
    for data in (bytes(MIB), b"\x55" * MIB, b"\xaa" * MIB):
        with pytest.raises(MalformedInput):
            nrv.decode("e", 4, data, MIB, lambda: None)


def test_unknown_methods_and_filters_are_told():
    budget = Budget(Limits())
    with pytest.raises(upx.UnknownMethod):
        upx.decompress(1, b"data", 10, budget)
    with pytest.raises(upx.UnknownMethod):
        upx.unfilter(0x52, 0, bytearray(100), 0, 100)
    with pytest.raises(LimitReached):
        upx.decompress(14, b"data", 1 << 40, budget)
