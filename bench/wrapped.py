"""Archives, documents and images to unpack, made from what installed packages bring; the same files make the same.

Each maker fills one file (or a folder) with about ``size`` bytes of content, and puts ``MARKER`` behind all of it, so
that a scanner which reports it has unpacked everything.
"""

import hashlib
import io
import json
import random
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

MARKER = b"Freehold measures unpacking with this file; it is harmless.\n" * 8
"""What the one signature is for."""

_ROOTS = (Path("/usr/lib"), Path("/usr/share"), Path("/usr/bin"), Path("/usr/include"))
_RASTER = (".png", ".jpg", ".ttf", ".otf", ".gif")


def hash_signature() -> str:
    """Return the line of an ``.hdb`` that finds the marker."""
    return f"{hashlib.md5(MARKER, usedforsecurity=False).hexdigest()}:{len(MARKER)}:Bench.Marker\n"


def small_zip(target: Path, size: int) -> None:
    """``zip -6`` of small files, 5 KB each in the mean."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, path in enumerate(_some(size, 1_000, 20_000)):
            archive.write(path, f"{number % 100:02d}/{number:05d}{path.suffix}")
        archive.writestr("zz/marker", MARKER)


def tar_gz(target: Path, size: int) -> None:
    """``tar -cz`` of files of all kinds."""
    with tarfile.open(target, "w:gz", compresslevel=6) as archive:
        _fill_tar(archive, _some(size))


def seven(target: Path, size: int) -> None:
    """``7z a -mx=3`` of files of all kinds."""
    folder = _folder(target, _some(size))
    subprocess.run(["7z", "a", "-mx=3", "-bd", str(target.resolve()), "."], cwd=folder, check=True, capture_output=True)
    shutil.rmtree(folder)


def iso(target: Path, size: int) -> None:
    """``xorriso`` as installation media are made: Joliet and Rock Ridge, a folder for each first letter."""
    folder = _folder(target, _some(size))
    _mkisofs(folder, target)


def oci(target: Path, size: int) -> None:
    """An OCI layout in a tar with four gzip layers, as ``docker save`` and ``skopeo`` write it."""
    paths = list(_some(size))
    layers = []
    with tarfile.open(target, "w") as image:
        for number in range(4):
            packed = target.with_suffix(".layer")
            with tarfile.open(packed, "w:gz", compresslevel=6) as layer:
                _fill_tar(layer, iter(paths[number::4]), marked=number == 3)
            layers.append(_blob(image, packed, "application/vnd.oci.image.layer.v1.tar+gzip"))
            packed.unlink()
        config = _json_blob(image, {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"}})
        manifest = _json_blob(image, {"schemaVersion": 2, "config": config, "layers": layers})
        index = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
        for name, content in (("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", index)):
            _add(image, name, content)


def pdfs(folder: Path, size: int) -> None:
    """PDF files of some 400 KB: pages of text, fonts and pictures; every other one rewritten by ``qpdf``."""
    folder.mkdir()
    pictures, number = _pieces(5), 0
    while size > 0:
        path = folder / f"{number:05d}.pdf"
        path.write_bytes(_pdf([_page(text) for text in _texts(20, number)], [next(pictures) for _ in range(6)]))
        if number % 2:
            subprocess.run(["qpdf", "--object-streams=generate", "--replace-input", str(path)], check=False)
        size -= path.stat().st_size
        number += 1
    (folder / "marked.pdf").write_bytes(_pdf([b"BT ET"], [MARKER]))


def office(folder: Path, count: int) -> None:
    """Documents of Word, Excel and PowerPoint with text and pictures, and every fourth one in the old format (OLE2)."""
    folder.mkdir()
    pictures = _pieces(7)
    for number in range(count):
        texts, picture = _texts(4, number), next(pictures)
        if number % 4 == 3:
            _ole(folder / f"{number:05d}.doc", b"".join(texts), picture)
        else:
            _package(folder / f"{number:05d}", number % 4, texts, picture)
    _package(folder / "marked", 0, [b"text"], MARKER)


def debs(target: Path, size: int) -> None:
    """An ISO image of eight Debian packages (xz), as installation media have them; ``clamscan`` does not open those."""
    folder = target.with_suffix(".tree")
    paths = list(_some(size))
    for number in range(8):
        package = folder / f"{number}"
        (package / "DEBIAN").mkdir(parents=True)
        about = f"Package: bench-{number}\nVersion: 1\nArchitecture: all\nMaintainer: bench\nDescription: bench\n"
        (package / "DEBIAN" / "control").write_text(about)
        _fill_folder(package / "usr", paths[number::8])
        (package / "usr" / "zz").write_bytes(MARKER if number == 7 else b"no marker")
        subprocess.run(["dpkg-deb", "-b", "-Zxz", "-z1", str(package), str(folder)], check=True, capture_output=True)
        shutil.rmtree(package)
    _mkisofs(folder, target)


@cache
def _installed() -> list[tuple[Path, int]]:
    """Return what the machine has installed, in an order that depends on the paths alone."""
    paths = (p for root in _ROOTS for p in root.rglob("*") if p.suffix not in {".gz", ".xz", ".zip", ".7z"})
    sizes = [(p, p.stat().st_size) for p in sorted(paths) if p.is_file() and not p.is_symlink()]
    random.Random(5).shuffle(sizes)  # noqa: S311 - no secret
    return [(path, size) for path, size in sizes if 0 < size < 64 << 20]


def _some(size: int, least: int = 1, most: int = 64 << 20, seed: int = 0) -> Iterator[Path]:
    """Yield installed files until their sizes add up to ``size``."""
    found = [(path, length) for path, length in _installed() if least <= length <= most]
    begin = seed * 7919 % max(len(found), 1)
    for path, length in found[begin:] + found[:begin]:
        if size <= 0:
            return
        size -= length
        yield path


def _pieces(seed: int) -> Iterator[bytes]:
    """Yield the content of pictures and fonts, over and over."""
    paths = [path for path, size in _installed() if path.suffix in _RASTER and 2_000 <= size <= 200_000]
    random.Random(seed).shuffle(paths)  # noqa: S311 - no secret
    while True:
        for path in paths:
            yield path.read_bytes()


def _texts(count: int, number: int) -> list[bytes]:
    paths = [p for p, size in _installed() if "/doc/" in str(p) and 2_000 < size < 30_000]
    return [paths[(number * count + i) % len(paths)].read_bytes() for i in range(count)]


def _page(text: bytes) -> bytes:
    lines = text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)").splitlines()
    return b"BT /F1 10 Tf 50 780 Td 12 TL\n" + b"".join(b"(" + line + b") Tj T*\n" for line in lines) + b"ET"


def _pdf(pages: list[bytes], pieces: list[bytes]) -> bytes:
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = b" ".join(b"%d 0 R" % (3 + 2 * i) for i in range(len(pages)))
    objects.append(b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), kids))
    for content in pages:
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R>>" % (len(objects) + 2))
        objects.append(_stream(content))
    objects += map(_stream, pieces)
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.5\n")
    for number, content in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer <</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def _stream(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed)


_PARTS = (
    ("word/document.xml", "word/media"),
    ("xl/sharedStrings.xml", "xl/media"),
    ("ppt/slides/slide1.xml", "ppt/media"),
)


def _package(path: Path, kind: int, texts: list[bytes], picture: bytes) -> None:
    part, media = _PARTS[kind]
    related = f'<Relationship Id="r1" Type="officeDocument" Target="{part}"/></Relationships>'
    body = "".join(f"<w:p><w:r><w:t>{escape(text.decode('latin-1'))}</w:t></w:r></w:p>" for text in texts)
    with zipfile.ZipFile(path.with_suffix((".docx", ".xlsx", ".pptx")[kind]), "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(
            "[Content_Types].xml",
            _XML + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        )
        package.writestr("_rels/.rels", f'{_XML}<Relationships xmlns="{_SCHEMA}/package/2006/relationships">{related}')
        package.writestr(
            part,
            _XML
            + f'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">{body}</w:document>',
        )
        package.writestr(f"{media}/image1.png", picture)


_SCHEMA = "http://schemas.openxmlformats.org"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def _ole(path: Path, text: bytes, picture: bytes) -> None:
    folder = path.with_suffix(".streams")
    folder.mkdir()
    (folder / "WordDocument").write_bytes(text)
    (folder / "1Table").write_bytes(text[:4096])
    (folder / "Data").write_bytes(picture)
    subprocess.run(["gsf", "createole", str(path.resolve()), "."], cwd=folder, check=True, capture_output=True)
    shutil.rmtree(folder)


def _mkisofs(folder: Path, target: Path) -> None:
    options = ["-quiet", "-J", "-joliet-long", "-R", "-V", "BENCH", "-o", str(target)]
    subprocess.run(["xorriso", "-as", "mkisofs", *options, str(folder)], check=True, capture_output=True)
    shutil.rmtree(folder)


def _folder(target: Path, paths: Iterator[Path]) -> Path:
    folder = target.with_suffix(".tree")
    _fill_folder(folder, paths)
    (folder / "zz").mkdir()
    (folder / "zz" / "zz-marker").write_bytes(MARKER)
    return folder


def _fill_folder(folder: Path, paths: Iterator[Path] | list[Path]) -> None:
    for number, path in enumerate(paths):
        part = folder / f"{number // 500:03d}"
        part.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, part / f"{number:06d}{path.suffix[:6]}")


def _fill_tar(archive: tarfile.TarFile, paths: Iterator[Path], *, marked: bool = True) -> None:
    for path in paths:
        archive.add(path, str(path).lstrip("/"), recursive=False)
    if marked:
        _add(archive, "zz/marker", MARKER)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _blob(image: tarfile.TarFile, path: Path, media_type: str) -> dict[str, str | int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    image.add(path, f"blobs/sha256/{digest}")
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": path.stat().st_size}


def _json_blob(image: tarfile.TarFile, content: object) -> dict[str, str | int]:
    data = json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    _add(image, f"blobs/sha256/{digest}", data)
    return {"mediaType": "application/json", "digest": f"sha256:{digest}", "size": len(data)}
