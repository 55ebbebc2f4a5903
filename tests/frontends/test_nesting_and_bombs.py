"""The whole way, with the core pack: EICAR in every nesting is found, and bombs end within their budget."""

import bz2
import gzip
import io
import itertools
import json
import lzma
import subprocess
import tarfile
import zipfile
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
