import hashlib
import io
import struct
import zipfile

import pytest
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

PLAIN = io.BytesIO()
with zipfile.ZipFile(PLAIN, "w", zipfile.ZIP_STORED) as archive:
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    archive.writestr("[Content_Types].xml", f'<Types xmlns="{types}"/>')
    archive.writestr("word/document.xml", "<document/>" * 50_000)


@pytest.fixture
def encrypt():
    ooxml = pytest.importorskip("msoffcrypto.format.ooxml")

    def make(password: str) -> bytes:
        out = io.BytesIO()
        ooxml.OOXMLFile(io.BytesIO(PLAIN.getvalue())).encrypt(password, out)
        return out.getvalue()

    return make


@pytest.mark.parametrize("password", ["VelvetSweatshop", "/01Hannes Ruescher/01"])
def test_package_with_the_password_of_an_application_is_opened(encrypt, password):
    opened = open_one("ole2", encrypt(password))
    assert opened.by_name("decrypted") == PLAIN.getvalue()
    assert opened.collector.problems == []


def test_package_with_another_password_is_reported(encrypt):
    opened = open_one("ole2", encrypt("another"))
    assert opened.kinds == {ProblemKind.ENCRYPTED}
    assert opened.collector.facts["encryption"] == "agile"


def test_size_that_hides_the_document_is_not_believed(encrypt):
    data = bytearray(encrypt("VelvetSweatshop"))
    at = data.index(struct.pack("<Q", len(PLAIN.getvalue())))
    data[at : at + 8] = struct.pack("<Q", 5)
    assert open_one("ole2", bytes(data)).by_name("decrypted").startswith(PLAIN.getvalue())


def test_absurd_number_of_rounds_is_not_tried(encrypt):
    data = encrypt("VelvetSweatshop")
    at = data.index(b'spinCount="100000"')
    data = data[:at] + b'spinCount="999999"' + data[at + 18 :]
    assert open_one("ole2", data).kinds == {ProblemKind.ENCRYPTED}


def rc4(data: bytes, key: bytes) -> bytes:
    state, j, i, out = list(range(256)), 0, 0, bytearray()
    for n in range(256):
        j = (j + state[n] + key[n % len(key)]) % 256
        state[n], state[j] = state[j], state[n]
    j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def workbook(password: str) -> tuple[bytes, bytes]:
    """A workbook with a macro sheet, as it is and encrypted with RC4 ([MS-OFFCRYPTO] 2.3.6)."""
    salt, verifier = bytes(range(16)), bytes(range(100, 116))
    short = md5((md5(password.encode("utf-16-le"))[:5] + salt) * 16)[:5]
    keys = [md5(short + struct.pack("<I", block)) for block in range(4)]
    begin = struct.pack("<HH", 0x809, 16) + bytes(16)
    check = rc4(verifier + md5(verifier), keys[0])
    guard = struct.pack("<HHHHH", 0x2F, 54, 1, 1, 1) + salt + check
    sheet = struct.pack("<HHIBBBB", 0x85, 10, 0, 1, 1, 2, 0) + b"ab"
    cells = struct.pack("<HH", 0xFC, 2000) + b"SHELL " * 333 + b"xx"
    plain = begin + bytes((0, 0, 54, 0)) + bytes(54) + sheet + cells + struct.pack("<HH", 0x0A, 0)
    blocks = (rc4(plain[at : at + 1024], keys[at // 1024]) for at in range(0, len(plain), 1024))
    secret = bytearray(b"".join(blocks))
    bare = len(begin) + len(guard)
    secret[:bare] = begin + guard
    secret[bare : bare + 8] = sheet[:8]
    at = bare + len(sheet)
    secret[at : at + 4] = cells[:4]
    secret[-4:] = plain[-4:]
    return plain, bytes(secret)


def test_workbook_with_the_password_of_excel_is_opened(compound):
    plain, secret = workbook("VelvetSweatshop")
    opened = open_one("ole2", compound({"Workbook": secret}))
    assert opened.by_name("decrypted") == plain
    assert opened.collector.facts["macro-sheets"] == "hidden"
    assert opened.collector.problems == []


def test_workbook_with_another_password_is_reported(compound):
    opened = open_one("ole2", compound({"Workbook": workbook("another")[1]}))
    assert opened.kinds == {ProblemKind.ENCRYPTED}
