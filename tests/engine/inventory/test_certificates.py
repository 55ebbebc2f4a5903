"""Certificates in trust stores, made by OpenSSL."""

import subprocess
from pathlib import Path

import pytest
from tests.engine.inventory.reading import read, values

from freehold.model.errors import MalformedInput

STORE = "usr/local/share/ca-certificates/own.crt"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        folder / "key",
        "-out",
        folder / "a.pem",
    ]
    subject = ["-utf8", "-subj", "/C=XX/O=Exämple Lab/OU=Unit/CN=Exämple Root"]
    subprocess.run([*make, *subject], check=True, capture_output=True)
    convert = ["openssl", "x509", "-in", folder / "a.pem", "-outform", "DER", "-out", folder / "a.der"]
    subprocess.run(convert, check=True, capture_output=True)
    return folder


EXPECTED = [("publisher", "Exämple Lab"), ("publisher", "Exämple Root")]


def test_pem_and_der(certificate: Path) -> None:
    pem, der = (certificate / "a.pem").read_bytes(), (certificate / "a.der").read_bytes()
    assert values(STORE, der) == EXPECTED
    assert values("etc/pki/ca-trust/source/anchors/own", b"# comment\n" + pem) == EXPECTED
    first, second = [item for item in read(STORE, pem + pem) if item.value == "Exämple Lab"]
    assert (first.offset, second.offset) == (0, len(pem))


def test_only_trust_stores_count(certificate: Path) -> None:
    assert values("home/u/own.crt", (certificate / "a.pem").read_bytes()) == []


def test_a_damaged_one_hides_no_other(certificate: Path) -> None:
    pem = (certificate / "a.pem").read_bytes()
    broken = pem[:200] + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(MalformedInput, match="1 certificates"):
        read(STORE, broken)
    assert values(STORE, b"no certificate") == []
    assert values(STORE, b"0 certificates") == []


def test_what_this_system_trusts_is_read() -> None:
    store = Path("/etc/ssl/certs/ca-certificates.crt")
    if not store.is_file():
        pytest.skip("needs ca-certificates")
    text = store.read_bytes()
    assert len({item.offset for item in read(str(store), text)}) == text.count(b"-----BEGIN")
