"""Scripts that became one program: PyInstaller, Node.js's single executables, pkg, Nuitka."""

import gzip
import struct

import pytest
from tests.formats import installers, programs, setups
from tests.formats.driver import open_one

from freehold.engine.identify import identify
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

FILES = {"main.bin": b"\x7fELF" + bytes(range(256)) * 9, "data/text.txt": b"one line\n" * 500}
PROGRAM = programs.two_sections(size=0xA00).build()
BLOB = bytes.fromhex("20da4301") + struct.pack("<IQ", 0, 6) + b"app.js" + struct.pack("<Q", 13) + b"console.log()"


@pytest.mark.parametrize("checksums", [False, True])
@pytest.mark.parametrize("mode", ["together", "cache", "stored"])
@pytest.mark.parametrize("windows", [False, True])
def test_payload_of_nuitka_gives_its_files(windows, mode, checksums):
    payload = installers.nuitka(FILES, windows=windows, checksums=checksums, mode=mode)
    if windows:
        opened = open_one("pe", setups.program(payload, 27))
    else:
        opened = open_one("elf", programs.elf() + payload + b"\0NUITKA_ONEFILE_PARENT\0" * 3)
    assert dict(opened.members) == FILES
    assert opened.collector.problems == []


def test_payload_of_nuitka_that_is_not_where_it_should_be_is_incomplete():
    opened = open_one("elf", programs.elf() + b"\0NUITKA_ONEFILE_PARENT\0")
    assert opened.kinds == {ProblemKind.UNSUPPORTED}


def test_application_of_node_is_found_in_every_kind_of_program():
    assert identify(BytesView(BLOB)) == "nodesea"
    assert open_one("nodesea", BLOB).members == [("app.js", b"console.log()")]
    assert ("resource:data/9/0", BLOB) in [
        (n, c[: len(BLOB)]) for n, c in open_one("pe", setups.program(BLOB, 9)).members
    ]
    segment = struct.pack("<II16sQQQQIIII", 0x19, 72, b"NODE_SEA", 0, 0, 4096, len(BLOB), 1, 1, 0, 0)
    head = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x1000007, 3, 2, 1, len(segment), 0, 0) + segment
    assert open_one("macho", head.ljust(4096, b"\0") + BLOB).members == [("node-application", BLOB)]


def test_newer_blob_has_one_byte_more():
    newer = BLOB[:8] + b"\0" + BLOB[8:]
    assert open_one("nodesea", newer).members == [("app.js", b"console.log()")]


def test_archive_of_pyinstaller_is_read_by_its_own_cookie_where_an_older_one_would_fit():
    """The older cookie is 64 bytes shorter, which puts the table at the end of the last member."""
    last = struct.pack(">I", 32) + bytes(60)
    files = {"text.txt": b"one line\n" * 500, "packed.txt": b"another line\n" * 500, "last.bin": last}
    opened = open_one("elf", installers.pyinstaller(programs.elf(), files))
    assert dict(opened.members) == files
    assert opened.collector.problems == []


@pytest.mark.parametrize(("file_type", "program"), [("elf", programs.elf()), ("pe", PROGRAM)])
def test_program_by_pkg_gives_its_files(file_type, program):
    files = {"index.js": b"console.log()\n" * 50, "data.bin": bytes(range(256)) * 9}
    opened = open_one(file_type, program + installers.pkg(files))
    assert dict(opened.members).items() >= {f"snapshot/{name}": content for name, content in files.items()}.items()
    assert opened.collector.problems == []
    packed = open_one(file_type, program + installers.pkg(files, packing=1))
    assert gzip.decompress(packed.by_name("snapshot/index.js")) == files["index.js"]


def test_program_by_pkg_with_brotli_or_a_damaged_table_is_incomplete():
    assert open_one("elf", programs.elf() + installers.pkg({"a.js": b"x" * 99}, packing=2)).kinds == {
        ProblemKind.UNSUPPORTED
    }
    damaged = installers.pkg({"a.js": b"x" * 99}).replace(b'{"/0/1"', b'{"/0/1')
    assert open_one("elf", programs.elf() + damaged).kinds == {ProblemKind.MALFORMED}
