"""Makes the stored samples of ``tests/formats/golden`` and ``malformed``: ``python -m tests.formats.make_golden``.

Golden samples come from the real tools; what they must yield is known from what was put in, never from Freehold.
Malformed samples are golden ones, damaged at a known place. Run it again only to add samples.
"""

import email.message
import hashlib
import json
import random
import subprocess
import tempfile
from pathlib import Path

from tests.formats import disk_samples, documents, office_samples, text_samples

HERE = Path(__file__).parent
TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 40
DATA = random.Random(7).randbytes(3000)
TREE = {"tree/text.txt": TEXT, "tree/deep/data.bin": DATA, "tree/empty": b""}
SOURCE = 'Sub AutoOpen()\r\n    MsgBox "Hello"\r\nEnd Sub\r\n'
RTF = rb"{\rtf1\ansi Hello}" * 500
FULL = {name: content for name, content in TREE.items() if content}


def _run(command: str, folder: Path) -> None:
    subprocess.run(["sh", "-ec", command], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _mail() -> bytes:
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "samples"
    message.set_content("Hello\n")
    message.add_attachment(DATA, maintype="application", subtype="octet-stream", filename="data.bin")
    message.add_attachment(TEXT, maintype="application", subtype="x-text", filename="té xt.txt")
    message.set_boundary("=-boundary-1")
    return message.as_bytes()


GOLDEN: list[tuple[str, str, str, dict[str, bytes]]] = [
    ("zip", "infozip.zip", "zip -qr out tree", FULL),
    ("zip", "streamed.zip", "zip -qr - tree | cat > out.zip; mv out.zip out", FULL),
    ("zip", "zip64.zip", "zip -q -fz -r out.zip tree; mv out.zip out", FULL),
    ("zip", "stored.zip", "7z a -tzip -mm=Copy out.zip tree; mv out.zip out", FULL),
    ("zip", "bzip2.zip", "7z a -tzip -mm=BZip2 out.zip tree; mv out.zip out", FULL),
    ("zip", "lzma.zip", "7z a -tzip -mm=LZMA out.zip tree; mv out.zip out", FULL),
    ("zip", "bsdtar.zip", "bsdtar --format zip -cf out tree", FULL),
    ("gzip", "named.gz", "gzip -k tree/deep/data.bin; mv tree/deep/data.bin.gz out", {"data.bin": DATA}),
    ("gzip", "two.gz", "gzip -nc tree/text.txt > out; gzip -nc tree/deep/data.bin >> out", {"content": TEXT + DATA}),
    ("bzip2", "one.bz2", "bzip2 -c tree/text.txt > out", {"content": TEXT}),
    ("bzip2", "two.bz2", "bzip2 -c tree/text.txt > out; bzip2 -c tree/deep/data.bin >> out", {"content": TEXT + DATA}),
    ("xz", "one.xz", "xz -c tree/text.txt > out", {"content": TEXT}),
    (
        "xz",
        "two.xz",
        "xz -c tree/text.txt > out; printf '\\0\\0\\0\\0' >> out; xz -c tree/text.txt >> out",
        {"content": TEXT * 2},
    ),
    ("xz", "alone.lzma", "xz --format=lzma -c tree/text.txt > out", {"content": TEXT}),
    ("zstd", "one.zst", "zstd -qc tree/text.txt > out", {"content": TEXT}),
    (
        "zstd",
        "two.zst",
        "zstd -qc tree/text.txt > out; zstd -qc --no-check tree/deep/data.bin >> out",
        {"content": TEXT + DATA},
    ),
    *(
        ("tar", f"{form}.tar", f"tar --format={form} -cf out tree", FULL)
        for form in ("v7", "ustar", "pax", "gnu", "oldgnu")
    ),
    ("tar", "bsdtar.tar", "bsdtar -cf out tree", FULL),
    ("ar", "gnu.ar", "ar rcD out tree/text.txt tree/deep/data.bin", {"text.txt": TEXT, "data.bin": DATA}),
    ("ar", "bsd.ar", "cd tree/deep; bsdtar --format arbsd -cf ../../out data.bin", {"data.bin": DATA}),
    *(
        ("cpio", f"{form}.cpio", f"find tree -type f | cpio -o -H {form} > out", FULL)
        for form in ("newc", "crc", "odc", "bin")
    ),
    *disk_samples.golden(TEXT, DATA),
]
MALFORMED: list[tuple[str, str, str, slice | tuple[int, bytes], list[str]]] = [
    ("zip", "truncated.zip", "infozip.zip", slice(0, 2000), ["truncated"]),
    ("zip", "no-directory.zip", "infozip.zip", (-22, b"PK\x00\x00"), ["truncated"]),
    ("gzip", "truncated.gz", "named.gz", slice(0, 1500), ["truncated"]),
    ("gzip", "wrong-checksum.gz", "named.gz", (-8, b"\xff\xff\xff\xff"), ["malformed"]),
    ("bzip2", "truncated.bz2", "one.bz2", slice(0, 100), ["truncated"]),
    ("xz", "truncated.xz", "one.xz", slice(0, 100), ["truncated"]),
    ("xz", "damaged.xz", "one.xz", (100, b"\xff\xff\xff\xff"), ["malformed"]),
    ("zstd", "truncated.zst", "one.zst", slice(0, 60), ["truncated"]),
    ("tar", "truncated.tar", "ustar.tar", slice(0, 2500), ["truncated"]),
    ("tar", "damaged-header.tar", "ustar.tar", (512 + 100, b"\xff\xff"), ["malformed"]),
    ("ar", "truncated.ar", "gnu.ar", slice(0, 2000), ["truncated"]),
    ("ar", "damaged-header.ar", "gnu.ar", (8 + 58, b"xx"), ["malformed"]),
    ("cpio", "truncated.cpio", "newc.cpio", slice(0, 2000), ["truncated"]),
    ("cpio", "damaged-header.cpio", "newc.cpio", (0, b"070709"), ["malformed"]),
    ("ole2", "truncated.doc", "macros.doc", slice(0, 4000), ["truncated"]),
    ("ole2", "no-header.doc", "macros.doc", slice(0, 400), ["malformed"]),
    ("rtf", "truncated.rtf", "plain.rtf", slice(0, 2000), ["truncated"]),
    ("onenote", "truncated.one", "files.one", slice(0, 2000), ["truncated"]),
    ("tnef", "truncated.dat", "winmail.dat", slice(0, 9000), ["truncated"]),
    ("tnef", "no-attribute.dat", "winmail.dat", (6, b"\xff"), ["malformed"]),
    ("lnk", "truncated.lnk", "shell.lnk", slice(0, 90), ["truncated"]),
    ("lnk", "no-header.lnk", "shell.lnk", slice(0, 60), ["malformed"]),
    ("mail", "unfinished.mail", "parts.mail", slice(0, 2000), []),
    ("mbox", "separators.mbox", "two.mbox", slice(0, 5), []),
    *disk_samples.MALFORMED,
    *text_samples.MALFORMED,
    *office_samples.MALFORMED,
]  # fmt: skip


def _expectation(file_type: str, members: dict[str, bytes]) -> dict[str, object]:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    return {"type": file_type, "members": hashes}


def _file_type(form: str, name: str) -> str:
    return "lzma" if name.endswith(".lzma") else disk_samples.TYPES.get(name, text_samples.TYPES.get(form, form))


def _make_golden() -> dict[str, object]:
    expected: dict[str, object] = {}
    for form, name, command, members in GOLDEN:
        target = HERE / "golden" / form / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            for path, content in TREE.items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_bytes(content)
            _run(command, Path(folder))
            made = Path(folder) / "out"
            target.write_bytes((made if made.exists() else made.with_suffix(".zip")).read_bytes())
        expected[f"{form}/{name}"] = _expectation(_file_type(form, name), members)
    return expected


def _make_mail(expected: dict[str, object]) -> None:
    raw = _mail()
    for form, name, content in (
        ("mail", "parts.mail", raw),
        ("mail", "bare-cr.mail", raw.replace(b"\n", b"\r")),
        ("mbox", "two.mbox", b"From a Mon\n" + raw + b"\nFrom b Tue\n" + raw),
    ):
        target = HERE / "golden" / form / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    parts = {"data.bin": DATA, "té xt.txt": TEXT}
    expected["mail/parts.mail"] = _expectation("mail", parts)
    expected["mail/bare-cr.mail"] = _expectation("mail", parts)
    expected["mbox/two.mbox"] = _expectation("mbox", {"message-1": raw + b"\n", "message-2": raw})


def _compound_file(streams: dict[str, bytes]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        documents.write_tree(Path(folder) / "in", streams)
        _run("cd in; gsf createole ../out *", Path(folder))
        return (Path(folder) / "out").read_bytes()


def _make_documents(expected: dict[str, object]) -> None:
    """Documents from builders, in compound files from libgsf; what they yield was put in."""
    project = documents.vba_project({"ThisDocument": SOURCE, "Module1": SOURCE * 20})
    macros = {f"Macros/VBA/{name}": content for name, content in project.items()}
    dropped = documents.packaged_file("data.bin", DATA)
    object_ = _compound_file({"\1Ole10Native": documents.ole10_native(dropped), "tree/text": TEXT})
    shown = {"data.bin": DATA, "object-1": documents.ole1_object("Package", dropped)}
    digits = documents.ole1_object("Package", dropped).hex().encode()
    properties = documents.mapi((0x1009, 0x102, documents.compressed_rtf(RTF)), (0x3707, 0x1F, "n".encode("utf-16-le")))
    presentation = _compound_file({"PowerPoint Document": documents.presentation(object_)})
    hidden = documents.rtf(rb"{\*\x }\bin4 " + b"\x01\x05\0\0\\par\r\n" + b"\r\n ".join(_pairs(digits[8:])))
    message = documents.tnef(("data.bin", DATA), properties=properties)
    started = {"arguments": b"/c start x", "target": b"cmd.exe"}
    for form, name, content, members in (
        ("ole2", "macros.doc", _compound_file({"WordDocument": bytes(2000) + DATA, **macros}), _sources()),
        ("ole2", "dropped.ole", object_, {"data.bin": DATA, "tree/text": TEXT}),
        ("ole2", "object.ppt", presentation, {"object-1": object_}),
        ("rtf", "plain.rtf", documents.rtf(digits), shown),
        ("rtf", "hidden.rtf", hidden, shown),
        ("onenote", "files.one", documents.onenote(DATA, TEXT), {"file-1": DATA, "file-2": TEXT}),
        ("onenote", "package.one", documents.onenote_package(DATA, TEXT * 20), {"file-1": DATA, "file-2": TEXT * 20}),
        ("tnef", "winmail.dat", message, {"data.bin": DATA, "body.rtf": RTF}),
        ("lnk", "shell.lnk", documents.lnk("/c start x", target="cmd.exe"), started),
    ):  # fmt: skip
        target = HERE / "golden" / form / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        expected[f"{form}/{name}"] = _expectation(form, members)


def _make_texts(expected: dict[str, object]) -> None:
    for form, name, content, members in (*text_samples.GOLDEN, *office_samples.GOLDEN):
        target = HERE / "golden" / form / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        expected[f"{form}/{name}"] = _expectation(text_samples.TYPES.get(form, form), members)


def _pairs(digits: bytes) -> list[bytes]:
    return [digits[at : at + 2] for at in range(0, len(digits), 2)]


def _sources() -> dict[str, bytes]:
    modules = {"ThisDocument": SOURCE, "Module1": SOURCE * 20}
    return {f"macro:{name}": f'Attribute VB_Name = "{name}"\r\n{text}'.encode() for name, text in modules.items()}


def _make_malformed() -> dict[str, object]:
    expected: dict[str, object] = {}
    for form, name, origin, damage, problems in MALFORMED:
        content = (HERE / "golden" / form / origin).read_bytes()
        if isinstance(damage, slice):
            content = content[damage]
        else:
            at, patch = damage
            at %= len(content)
            content = content[:at] + patch + content[at + len(patch) :]
        target = HERE / "malformed" / form / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        expected[f"{form}/{name}"] = {"type": _file_type(form, name), "problems": problems}
    return expected


def main() -> None:
    expected = _make_golden()
    _make_mail(expected)
    _make_documents(expected)
    _make_texts(expected)
    for folder, expectation in (("golden", expected), ("malformed", _make_malformed())):
        text = json.dumps(expectation, indent=1, ensure_ascii=False, sort_keys=True)
        (HERE / folder / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
