"""EGG archives against clamscan, and what cannot be read of them."""

import hashlib
import shutil
import struct
import subprocess

import pytest
from tests.formats import eggs
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

TEXT = b"some text that goes on and on\n" * 100


@pytest.mark.parametrize("method", [eggs.STORE, eggs.DEFLATE, eggs.BZIP2])
def test_clamscan_finds_the_same_content(method, tmp_path):
    if shutil.which("clamscan") is None:
        pytest.skip("clamscan is not installed")
    whole = eggs.egg({"a.txt": (method, [TEXT])})
    (tmp_path / "a.egg").write_bytes(whole)
    (tmp_path / "a.hsb").write_text(f"{hashlib.sha256(TEXT).hexdigest()}:{len(TEXT)}:Found\n")
    command = ["clamscan", "--no-summary", f"--database={tmp_path}/a.hsb", tmp_path / "a.egg"]
    assert b"Found" in subprocess.run(command, capture_output=True, check=False).stdout
    assert open_one("egg", whole).members == [("a.txt", TEXT)]


@pytest.mark.parametrize(
    ("archive", "kind"),
    [
        (eggs.egg({"a.txt": (eggs.AZO, [TEXT])}), ProblemKind.UNSUPPORTED),
        (eggs.egg({"a.txt": (eggs.STORE, [TEXT])}, encrypted=True), ProblemKind.ENCRYPTED),
        (eggs.egg({}, extra=struct.pack("<IBHII", 0x24F5A262, 0, 8, 0, 7)), ProblemKind.TRUNCATED),
    ],
)
def test_what_cannot_be_read_is_said(archive, kind):
    assert open_one("egg", archive).kinds == {kind}


def test_solid_archives_are_said_to_be():
    files = {"a.txt": (eggs.STORE, [TEXT]), "b.txt": (eggs.STORE, [TEXT])}
    opened = open_one("egg", eggs.egg(files, extra=struct.pack("<IBH", 0x24E5A060, 0, 0)))
    assert opened.kinds == {ProblemKind.UNSUPPORTED}


def test_what_follows_the_archive_is_yielded():
    tail = b"hidden behind the end " * 10
    assert ("rest", tail) in open_one("egg", eggs.egg({"a": (eggs.STORE, [TEXT])}) + tail).members
