"""Identification by content, against magics from the formats' specifications and against real tools' output."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine.identify import has_zip_at_end, identify
from freehold.model.view import BytesView


def type_of(data):
    return identify(BytesView(data))


def zipped(name="a", data=b"x"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tarred(format_):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        info = tarfile.TarInfo("name")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return out.getvalue()


def old_tar():
    """A version 7 header: no magic, only the checksum."""
    header = bytearray(tarred(tarfile.USTAR_FORMAT))
    header[257:345] = bytes(88)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


@pytest.mark.parametrize(
    ("data", "file_type"),
    [
        (b"", "empty"),
        (b"MZ\x90\0" + bytes(60), "pe"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "elf"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02" + bytes(40), "macho-fat"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(40), "java-class"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "ole2"),
        (zipped(), "zip"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (bz2.compress(b"x"), "bzip2"),
        (bz2.compress(b""), "bzip2"),
        (lzma.compress(b"x"), "xz"),
        (lzma.compress(b"x" * 99, format=lzma.FORMAT_ALONE), "lzma"),
        (b"\x28\xb5\x2f\xfd\x04\x00\x01\0\0", "zstd"),
        (b"\x5a\x2a\x4d\x18\x04\0\0\0abcd", "zstd"),
        (tarred(tarfile.USTAR_FORMAT), "tar"),
        (tarred(tarfile.PAX_FORMAT), "tar"),
        (tarred(tarfile.GNU_FORMAT), "tar"),
        (old_tar(), "tar"),
        (b"!<arch>\ndebian-binary   ", "ar"),
        (b"\n\n%PDF-1.7\n%\xe2\xe3", "pdf"),
        (b"#!/bin/sh\necho", "script"),
        (b"plain words\n", "text"),
        ("schöne Wörter\n".encode(), "text"),
        ("words".encode("utf-16"), "utf16"),
        (b"  <!DOCTYPE html>\n<p>", "html"),
        (b"Received: from a\r\n\tby b\r\nSubject: c\r\n\r\nbody", "mail"),
        (b"From a@b.example Thu Jan  1 00:00:00 1970\nSubject: x\n\nbody", "mbox"),
        (b"From: is a word\nthat begins a text with one header\n", "text"),
        (b"subject: to change without notice.\nsecond line of prose\n", "text"),
        (b"\0\1\2\3", "data"),
        (b"ab\r\n\0\0\0\0", "data"),
        (bytes(32769) + b"CD001" + bytes(2000), "iso"),
        (b"BM is how this text begins, and no picture", "text"),
    ],
)
def test_content_decides(data, file_type):
    assert type_of(data) == file_type


@given(st.binary(max_size=1200))
def test_any_content_has_a_type(data):
    assert type_of(data)


@given(st.binary(min_size=1, max_size=300))
def test_an_archive_behind_anything_is_noticed(stub):
    assert has_zip_at_end(BytesView(stub + zipped()))
    assert not has_zip_at_end(BytesView(stub))


def test_a_quoted_end_record_is_not_an_archive():
    assert not has_zip_at_end(BytesView(b"the end record begins with PK\x05\x06, they say" + bytes(100)))


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_wide_text_needs_no_mark(codec):
    assert type_of("WScript.Echo 1\r\n".encode(codec)) == "utf16"
    assert type_of("WScript.Echo 1\r\n".encode(codec)[:-1]) == "utf16"
    assert type_of("a\0b\1c\2d\3e\4f\5".encode(codec)) == "data"
    assert type_of(bytes(64)) == "data"


@pytest.mark.parametrize(
    ("start", "file_type"),
    [
        (b"From nobody\nReceived: x\nSubject: y\n\nbody", "mbox"),
        (b">From nobody Thu\nReceived: x\nSubject: y\n\nbody", "mail"),
        (b"X-Unknown: y\nX-More: z\nMIME-Version: 1.0\nContent-Type: text/plain\n\nbody", "mail"),
        (b"From here on, everything\nis better: much better\n", "text"),
        (b"Package: x\nVersion: 1.0\n\nMIME-Version: 1.0\n", "text"),
    ],
)
def test_mail_with_unusual_beginnings(start, file_type):
    assert type_of(start) == file_type
