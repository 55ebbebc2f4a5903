"""Encrypted content that passwords open: the user's, those of databases, those in the text of a mail."""

import email.message
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.passwords import words
from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.report import ProblemKind, Report
from freehold.model.view import BytesView
from freehold.signatures.compile import build

MARKER = b"the marker that is looked for"
SECRET = "s3cret-word"  # noqa: S105
CONTENT = MARKER + bytes(range(256)) * 300

CONTENT_TYPES = """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""

NEEDS_7Z = pytest.mark.skipif(shutil.which("7z") is None, reason="needs 7z (p7zip-full)")
NEEDS_ZIP = pytest.mark.skipif(shutil.which("zip") is None, reason="needs zip")
NEEDS_QPDF = pytest.mark.skipif(shutil.which("qpdf") is None, reason="needs qpdf")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "a.ndb").write_text(f"Own.Marker:0:*:{MARKER.hex()}\n")
    (folder / "b.pwdb").write_text(
        "Zip;Engine:81-255,Container:CL_TYPE_ZIP;0;zip-only\n"
        f"Hex;Engine:81-255;1;{b'from-database'.hex()}\n"
        "Rar;Engine:81-255,Container:CL_TYPE_RAR;0;rar-only\n"
    )
    build([folder / "a.ndb", folder / "b.pwdb"], folder / "bundle")
    return folder / "bundle"


def scan(bundle: Path, content: bytes, given: Sequence[str] = (), limits: Limits | None = None) -> Report:
    opened = Bundle.open(bundle)
    known = [(None, password.encode()) for password in given] + opened.segments[0].passwords()
    return Engine(load([opened]), passwords=lambda: known).examine(BytesView(content), "x", limits or Limits())


def found(report: Report) -> bool:
    return [detection.name for detection in report.detections] == ["Own.Marker"]


def encrypted(report: Report) -> bool:
    return not report.detections and {problem.kind for problem in report.problems} == {ProblemKind.ENCRYPTED}


def made(folder: Path, name: str, *command: str) -> bytes:
    (folder / "member.bin").write_bytes(CONTENT)
    (folder / "second.bin").write_bytes(CONTENT[::-1])
    subprocess.run([*command, name, "member.bin", "second.bin"], cwd=folder, capture_output=True, check=True)
    return (folder / name).read_bytes()


def zipped(folder: Path, password: str = SECRET) -> bytes:
    return made(folder, "x.zip", "zip", "-P", password)


def sevened(folder: Path, *options: str, password: str = SECRET) -> bytes:
    return made(folder, "x.7z", "7z", "a", f"-p{password}", *options)


KINDS = {
    "zip, traditional": ("x.zip", ("zip", "-P", SECRET)),
    "zip, traditional, stored": ("x.zip", ("zip", "-0", "-P", SECRET)),
    "zip, AES-256": ("x.zip", ("7z", "a", "-tzip", f"-p{SECRET}", "-mem=AES256")),
    "zip, AES-128, stored": ("x.zip", ("7z", "a", "-tzip", f"-p{SECRET}", "-mem=AES128", "-mx=0")),
    "7z": ("x.7z", ("7z", "a", f"-p{SECRET}")),
    "7z, other letters": ("x.7z", ("7z", "a", f"-p{SECRET}\u00f6\u044f")),
    "7z, list encrypted": ("x.7z", ("7z", "a", f"-p{SECRET}", "-mhe=on")),
    "7z, not solid, stored": ("x.7z", ("7z", "a", f"-p{SECRET}", "-ms=off", "-mx=0")),
}


@NEEDS_7Z
@NEEDS_ZIP
@pytest.mark.parametrize(("name", "command"), KINDS.values(), ids=KINDS)
def test_archives_open_with_the_right_password_alone(
    name: str, command: tuple[str, ...], bundle: Path, tmp_path: Path
) -> None:
    content = made(tmp_path, name, *command)
    report = scan(bundle, content, ["wrong", SECRET, f"{SECRET}\u00f6\u044f", "other"])
    assert found(report)
    assert not report.problems
    assert encrypted(scan(bundle, content, ["wrong", "S3cret", ""]))
    assert encrypted(scan(bundle, content))


@NEEDS_7Z
@NEEDS_ZIP
def test_passwords_of_databases_are_for_their_containers(bundle: Path, tmp_path: Path) -> None:
    for password in ("zip-only", "from-database"):
        assert found(scan(bundle, zipped(tmp_path, password)))
        (tmp_path / "x.zip").unlink()
    assert encrypted(scan(bundle, zipped(tmp_path, "rar-only")))
    assert encrypted(scan(bundle, sevened(tmp_path, password="zip-only")))  # noqa: S106


def mail(text: str, attachment: bytes, *, html: bool = False, first: bool = True, encoding: str = "") -> bytes:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "x@y.example", "Your invoice"
    message.set_content(text, subtype="html" if html else "plain", **({"cte": encoding} if encoding else {}))
    message.add_attachment(attachment, maintype="application", subtype="zip", filename="invoice.zip")
    if not first:
        message.set_payload(list(reversed(list(message.iter_parts()))))
    return message.as_bytes()


@NEEDS_ZIP
@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Please see the attached invoice. Password: 4711\n", {}),
        ("The password is 4711.\n", {}),
        ("Das Passwort lautet \u201e4711\u201c!\n", {}),
        ("Kennwort=4711\n", {}),
        ("pw:4711\n", {"encoding": "base64"}),
        ("<p>Archive <b>password</b>:&nbsp;<i>4711</i></p>\n", {"html": True}),
        ("\u041f\u0430\u0440\u043e\u043b\u044c: 4711\n", {"encoding": "quoted-printable"}),
        ("Password: 4711\n", {"first": False, "encoding": "base64"}),
    ],
)
def test_a_mail_says_its_password(text: str, options: dict[str, str], bundle: Path, tmp_path: Path) -> None:
    assert found(scan(bundle, mail(text, zipped(tmp_path, "4711"), **options)))


@NEEDS_ZIP
def test_a_mail_that_says_another_word_opens_nothing(bundle: Path, tmp_path: Path) -> None:
    attachment = zipped(tmp_path, "4711")
    assert encrypted(scan(bundle, mail("Password: 4712\n", attachment)))
    assert encrypted(scan(bundle, mail("It is 4711\n", attachment)))


def test_words_are_bounded() -> None:
    assert "4711" in list(words("Password: 4711"))
    text = "password " * 20_000
    assert len(set(words(text))) < 10


@NEEDS_7Z
def test_tries_are_bounded(bundle: Path, tmp_path: Path) -> None:
    content = sevened(tmp_path)
    guesses = [f"guess-{number}" for number in range(1_000)]
    limits = Limits(password_rounds=3 << 19)
    assert encrypted(scan(bundle, content, [*guesses, SECRET], limits))
    assert encrypted(scan(bundle, content, ["a", "b", "c", "d", SECRET], limits))
    assert found(scan(bundle, content, [SECRET], limits))


@NEEDS_QPDF
@pytest.mark.parametrize("bits", [("40",), ("128", "--use-aes=n"), ("128", "--use-aes=y"), ("256",)])
def test_documents_open_with_a_password(bits: tuple[str, ...], bundle: Path, tmp_path: Path) -> None:
    stream = b"(" + MARKER + b") Tj"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
    objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>")
    objects.append(b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream))
    numbered = (b"%d 0 obj\n%b\nendobj\n" % (number, text) for number, text in enumerate(objects, 1))
    (tmp_path / "plain.pdf").write_bytes(
        b"%PDF-1.4\n" + b"".join(numbered) + b"trailer <</Root 1 0 R/Size 5>>\n%%EOF\n"
    )
    weak = ["--allow-weak-crypto"]
    command = ["qpdf", *weak, "--encrypt", "4711", "owner", *bits, "--", "plain.pdf", "locked.pdf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode in {0, 3}, done.stderr
    content = (tmp_path / "locked.pdf").read_bytes()
    assert found(scan(bundle, content, ["wrong", "4711"]))
    assert encrypted(scan(bundle, content, ["wrong"]))


def test_office_documents_open_with_a_password(bundle: Path, tmp_path: Path) -> None:
    msoffcrypto = pytest.importorskip("msoffcrypto.format.ooxml", reason="needs msoffcrypto-tool")
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("word/document.xml", CONTENT)
    with (tmp_path / "x.docx").open("rb") as plain, (tmp_path / "locked.docx").open("wb") as locked:
        msoffcrypto.OOXMLFile(plain).encrypt("4711", locked)
    content = (tmp_path / "locked.docx").read_bytes()
    assert found(scan(bundle, content, ["wrong", "4711"]))
    assert encrypted(scan(bundle, content, ["wrong"]))
