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
