"""Signatures over what containers say of their members, against ``clamscan`` on archives that other tools made."""

import email.message
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.differential import clamscan, engine
from tests.differential.generated import NOT_TEXT

FILES = {"first.exe": NOT_TEXT * 40, "second.doc": NOT_TEXT * 7 + b"abc", "sub/third.exe": b"some words " * 40}
CONTAINERS = [
    "ZIP",
    "7Z",
    "POSIX_TAR",
    "CPIO_NEWC",
    "CPIO_ODC",
    "CPIO_OLD",
    "ISO9660",
    "ARJ",
    "MSCAB",
    "MAIL",
    "BINARY_DATA",
]
EXPRESSIONS = [
    r"^first\.exe$",
    r"^sub/",
    r"\.(exe|scr)$",
    "FIRST",
    "(?i)FIRST",
    r"[^\\/]+\.doc$",
    "f.rst{1}",
    r"sec*ond\.do[a-c]",
    "a{",
    r"\w",
]


def signatures() -> str:
    lines = [f"Container.{name}:CL_TYPE_{name}:*:.:*:*:*:*:*:*" for name in CONTAINERS]
    lines += [f"Name.{number}:*:*:{text}:*:*:*:*:*:*" for number, text in enumerate(EXPRESSIONS)]
    lines.append("Small:*:1-1000:.:*:*:*:*:*:*")
    for path, content in FILES.items():
        name = Path(path).stem
        lines += [f"{name}.position.{n}:*:*:{name}:*:*:*:{n}:*:*" for n in range(5)]
        lines += [f"{name}.encrypted.{flag}:*:*:{name}:*:*:{flag}:*:*:*" for flag in (0, 1)]
        lines.append(f"{name}.size:*:*:{name}:*:{len(content)}:*:*:*:*")
        lines.append(f"{name}.stored:*:*:{name}:{len(content)}:*:*:*:*:*")
        lines.append(f"{name}.nothing:*:*:{name}:0:*:*:*:*:*")
        lines.append(f"{name}.packed:*:*:{name}:1-60:*:*:*:*:*")
    return "\n".join(lines) + "\n"


def _mail(folder: Path) -> bytes:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "x@y.example", "Files"
    message.set_content("Two files.\n")
    for name in ("first.exe", "second.doc"):
        content = (folder / name).read_bytes()
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def _made_by(*command: str, by: str = "") -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        names = b"\n".join(name.encode() for name in FILES)
        done = subprocess.run(command, cwd=folder, input=names, capture_output=True, check=True)
        return (folder / by).read_bytes() if by else done.stdout

    return make


CONTAINERS_OF = {
    "7z": _made_by("7z", "a", "x.7z", *FILES, by="x.7z"),
    "7z, encrypted": _made_by("7z", "a", "-psecret", "x.7z", *FILES, by="x.7z"),
    "zip": _made_by("zip", "x.zip", *FILES, by="x.zip"),
    "zip, stored": _made_by("zip", "-0", "x.zip", *FILES, by="x.zip"),
    "zip, encrypted": _made_by("zip", "-P", "secret", "x.zip", *FILES, by="x.zip"),
    "tar": _made_by("tar", "cf", "x.tar", *FILES, by="x.tar"),
    "cpio, newc": _made_by("cpio", "-o", "-H", "newc"),
    "cpio, odc": _made_by("cpio", "-o", "-H", "odc"),
    "cpio, bin": _made_by("cpio", "-o", "-H", "bin"),
    "arj": _made_by("arj", "a", "x.arj", *FILES, by="x.arj"),
    "iso": _made_by("genisoimage", "-o", "x.iso", "sub", "first.exe", by="x.iso"),
    "iso, Joliet and Rock Ridge": _made_by("genisoimage", "-J", "-R", "-o", "x.iso", "first.exe", by="x.iso"),
    "cab": _made_by("gcab", "-c", "x.cab", "first.exe", "second.doc", by="x.cab"),
    "mail": _mail,
}


@pytest.mark.skipif(not clamscan.is_followed(), reason="needs the clamscan that is followed (clamav)")
@pytest.mark.parametrize("make", CONTAINERS_OF.values(), ids=CONTAINERS_OF)
def test_members_match_as_in_clamscan(make: Callable[[Path], bytes], tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    databases = {"a.cdb": signatures().encode()}
    contents = [make(tmp_path)]
    theirs = clamscan.scan(databases, contents, tmp_path / "theirs")
    assert engine.scan(databases, contents, tmp_path / "ours") == theirs
    assert theirs[0]


def _zip(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return path.read_bytes()


def test_metadata_of_the_old_kinds_works(tmp_path: Path) -> None:
    content = _zip(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        member = archive.infolist()[1]
    right = f"0:^second\\.doc$:{member.file_size}:{member.compress_size}:{member.CRC:08x}:8:2:*"
    lines = [f"All:{right}", f"Checksum:{right.replace(f'{member.CRC:08x}', f'{member.CRC ^ 1:08x}')}"]
    lines += ["Encrypted:1:*:*:*:*:*:*:*", "Position:*:second:*:*:*:*:1:*", "Any:*:*:*:*:*:*:*:*"]
    text = ("\n".join(lines) + "\n").encode()
    databases = {"a.zmd": text, "b.rmd": text.replace(b"Any", b"Rar")}
    assert engine.scan(databases, [content], tmp_path / "ours") == [{"All", "Any"}]
    if clamscan.is_followed():
        assert clamscan.scan(databases, [content], tmp_path / "theirs") == [{"All", "Any"}]


def test_encrypted_members_are_found_by_what_is_said_of_them(tmp_path: Path) -> None:
    content = bytearray(_zip(tmp_path / "x.zip"))
    for mark, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 1)
    databases = {"a.cdb": rb"Locked:CL_TYPE_ZIP:*:\.exe$:*:*:1:*:*:*" + b"\n"}
    assert engine.scan(databases, [bytes(content)], tmp_path) == [{"Locked"}]


def test_an_allowed_container_is_not_reported(tmp_path: Path) -> None:
    import hashlib

    content = _zip(tmp_path / "x.zip")
    digest = hashlib.sha256(content).hexdigest()
    databases = {"a.cdb": b"Any:*:*:*:*:*:*:*:*:*\n", "b.sfp": f"{digest}:{len(content)}:x\n".encode()}
    assert engine.scan(databases, [content], tmp_path / "ours") == [set()]
    if clamscan.is_followed():
        assert clamscan.scan(databases, [content], tmp_path / "theirs") == [set()]
