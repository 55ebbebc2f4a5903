"""The whole way, with the core pack: EICAR in every nesting is found, and bombs end within their budget."""

import base64
import bz2
import gzip
import io
import itertools
import json
import lzma
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from tests import bombs


def in_zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", data)
    return out.getvalue()


def in_tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("member")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def in_mail(data: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "parcel"
    message.set_content("see the attachment")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename="member")
    return bytes(message)


def in_ar(data: bytes) -> bytes:
    header = f"{'member/':16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
    return b"!<arch>\n" + header + data + b"\n" * (len(data) % 2)


def in_zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


WRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": in_zip,
    "tar": in_tar,
    "mail": in_mail,
    "ar": in_ar,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": in_zstd,
}


def reports(result: subprocess.CompletedProcess[bytes]) -> dict[str, dict]:
    return {Path(r["path"]).name: r for r in map(json.loads, result.stdout.splitlines())}


def test_eicar_is_found_in_every_nesting_with_its_lineage(freehold, eicar, tmp_path):
    orders = [order for depth in (0, 1, 2, 3) for order in itertools.permutations(WRAPPERS, depth)]
    for order in orders:
        data = eicar
        for name in order:
            data = WRAPPERS[name](data)
        (tmp_path / "-".join(("eicar", *order))).write_bytes(data)
    result = freehold("scan", "--format", "jsonl", tmp_path)
    assert result.returncode == 1
    found = reports(result)
    assert len(found) == len(orders) == 1 + 8 + 56 + 336
    for order in orders:
        report = found["-".join(("eicar", *order))]
        assert report["verdict"] == "infected", order
        (detection,) = report["detections"]
        assert detection["name"].startswith("Test.EICAR")
        assert detection["artifact"].count(" ▸ ") == len(order), order


def zip_of_zips() -> bytes:
    """Five layers of sixteen archives each, with zeros at the bottom: the shape of the classic 42.zip."""
    data = bytes(1 << 24)
    for layer in range(6):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(16 if layer else 1):
                archive.writestr(f"{layer}-{number}", data)
        data = out.getvalue()
    return data


def objects_pdf(count: int, last: bytes = b"") -> bytes:
    """Objects without content, and a deflated stream behind them."""
    content = zlib.compress(last)
    stream = b"9 0 obj<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream endobj\n" % (len(content), content)
    return b"%PDF-1.5\n" + b"1 0 obj<<" * count + stream


def filters_pdf(streams: int) -> bytes:
    """Streams of zeros that were deflated three times."""
    zeros = bytes(1 << 26)
    for _ in range(3):
        zeros = zlib.compress(zeros, 9)
    begin = b"<</Filter[/FlateDecode/FlateDecode/FlateDecode]/Length %d>>stream\n" % len(zeros)
    return b"%PDF-1.5\n" + b"".join(b"%d 0 obj%b%b\nendstream endobj\n" % (n, begin, zeros) for n in range(streams))


def mail_of_parts(count: int) -> bytes:
    head = b"From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    return head + b"--b\nContent-Type: text/plain\n\nx\n" * count + b"--b--\n"


def ar_of_members(count: int) -> bytes:
    return b"!<arch>\n" + b"a/              0           0     0     100644  2         `\nxx" * count


TEN_GIGABYTES = 10 << 30

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "zeros.gz": (lambda: bombs.gzip_zeros(TEN_GIGABYTES), "limit"),
    "zeros.xz": (lambda: bombs.xz_zeros(TEN_GIGABYTES), "limit"),
    "zeros.zst": (lambda: bombs.zstd_zeros(TEN_GIGABYTES), "limit"),
    "zeros.bz2": (lambda: bombs.bzip2_zeros(1 << 30), "limit"),
    "nested.gz": (lambda: bombs.nested_gzip(b"x", 25), "limit"),
    "quine.gz": (bombs.quine_gzip, "loop"),
    "overlapping.zip": (lambda: bombs.overlapping_zip(250, 1 << 20), "malformed"),
    "42.zip": (zip_of_zips, "limit"),
    "quine.zip": (bombs.quine_zip, "loop"),
    "members.zip": (lambda: bombs.many_members_zip(30_000, b"a"), "limit"),
    "members.ar": (lambda: ar_of_members(30_000), "limit"),
    "parts.eml": (lambda: mail_of_parts(30_000), "limit"),
    "objects.pdf": (lambda: objects_pdf(350_000), "limit"),
    "filters.pdf": (lambda: filters_pdf(12), "limit"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_within_its_budget_and_is_reported(freehold, tmp_path, name):
    make, kind = BOMBS[name]
    (tmp_path / name).write_bytes(make())
    result = freehold("scan", "--format", "jsonl", "--timeout", "60", tmp_path)
    assert result.returncode == 2
    report = reports(result)[name]
    assert report["verdict"] == "incomplete"
    assert kind in {problem["kind"] for problem in report["problems"]}
    assert not {"timeout", "crashed", "internal"} & {problem["kind"] for problem in report["problems"]}


def test_a_limit_of_ones_own_counts_for_small_files_too(freehold, tmp_path):
    file = tmp_path / "members.ar"
    file.write_bytes(ar_of_members(25_000))
    assert freehold("scan", file).returncode == 2
    assert freehold("scan", "--max-artifacts", "30000", file).returncode == 0


MARK = b"All of this was examined: the mark stands behind everything else. "
HIDDEN = base64.b64encode(MARK)


def many_gzip(last: bytes) -> bytes:
    return gzip.compress(b"x", mtime=0) * 100_000 + gzip.compress(last)


def deep_xml(last: bytes) -> bytes:
    """A document of a million levels, and base64 in the innermost one."""
    return b'<?xml version="1.0"?>' + b'<a xmlns="x">' * 1_000_000 + last


def loop_pdf(last: bytes) -> bytes:
    """A tree of pages with loops, trailers that refer to each other, and lengths that refer to their own stream."""
    content = zlib.compress(last)
    return (
        b"%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R 3 0 R]/Parent 3 0 R"
        b"/Count 1>>endobj\n3 0 obj<</Type/Pages/Kids[2 0 R]/Filter/FlateDecode/Length 3 0 R>>stream\n"
        + content
        + b"\nendstream endobj\ntrailer<</Root 1 0 R/Prev 9>>startxref 9 %%EOF"
    )


ENDLESS: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "members.gz": (many_gzip, MARK),
    "deep.xml": (deep_xml, HIDDEN),
    "deep.eml": (lambda last: bombs.nested_mail(50_000, last), HIDDEN),
    "loop.pdf": (loop_pdf, MARK),
    "objects.pdf": (lambda last: objects_pdf(100_000, last), MARK),
}
"""What looks endless, but is within the budget: makers that put something behind all the rest, and what they put."""


@pytest.mark.parametrize("name", ENDLESS)
def test_what_is_called_clean_was_examined_to_its_end(freehold, tmp_path, name):
    make, last = ENDLESS[name]
    database = tmp_path / "mark.ndb"
    database.write_text(f"Mark:0:*:{MARK.hex()}\n")
    files = tmp_path / "files"
    files.mkdir()
    (files / "with").write_bytes(make(last))
    (files / "without").write_bytes(make(last[::-1]))
    result = freehold("scan", "--format", "jsonl", "--database", database, files)
    found = reports(result)
    assert [detection["name"].split(".")[0] for detection in found["with"]["detections"]] == ["Mark"]
    assert found["without"]["verdict"] == "clean"


def test_objects_beyond_the_limit_are_not_called_clean(freehold, tmp_path):
    database = tmp_path / "mark.ndb"
    database.write_text(f"Mark:0:*:{MARK.hex()}\n")
    file = tmp_path / "objects.pdf"
    file.write_bytes(objects_pdf(350_000, MARK))
    result = freehold("scan", "--format", "jsonl", "--database", database, file)
    assert result.returncode == 2
    (problem,) = reports(result)["objects.pdf"]["problems"]
    assert problem["kind"] == "limit"
    assert "objects" in problem["detail"]


def test_what_stands_before_a_bomb_is_found(freehold, eicar, tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("eicar.com", eicar)
        archive.writestr("zeros.gz", bombs.gzip_zeros(1 << 30))
    (tmp_path / "both.zip").write_bytes(out.getvalue())
    result = freehold("scan", "--format", "jsonl", "--all-matches", tmp_path)
    assert result.returncode == 1
    report = reports(result)["both.zip"]
    assert report["verdict"] == "infected"
    assert report["problems"]
