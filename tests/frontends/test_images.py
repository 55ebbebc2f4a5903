"""``freehold scan oci:…`` on images in every shape: folders and archives, packed and not, whole and damaged."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.frontends.conftest import COMMAND

MARKER = b"a harmless marker that one signature of these tests knows\n"

Files = dict[str, bytes]
Scan = Callable[..., tuple[int, list[dict[str, Any]], str]]


def tar(files: Files) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


LAYERS: list[Files] = [
    {"usr/bin/evil": MARKER, "usr/bin/good": b"good", "opt/app/bad": MARKER, "etc/kept": MARKER},
    {"usr/bin/.wh.evil": b"", "opt/app/.wh..wh..opq": b"", "opt/app/new": b"new"},
    {"usr/bin/good": b"another", "a/" + "long name/" * 20 + "x": b"x"},
]


def layout(packed: bool = True) -> Files:
    """Return the files of an OCI image layout."""
    blobs: Files = {}

    def blob(content: bytes, media: str) -> dict[str, Any]:
        blobs["blobs/sha256/" + digest(content).removeprefix("sha256:")] = content
        return {"mediaType": media, "digest": digest(content), "size": len(content)}

    layers = [blob(gzip.compress(tar(files), mtime=0) if packed else tar(files), "layer") for files in LAYERS]
    config = blob(json.dumps({"rootfs": {"diff_ids": [digest(tar(files)) for files in LAYERS]}}).encode(), "config")
    manifest = blob(json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode(), "manifest")
    inner = blob(json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode(), "index")
    index = json.dumps({"schemaVersion": 2, "manifests": [inner]}).encode()
    return blobs | {"index.json": index, "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}


def docker_save() -> Files:
    layers = [tar(files) for files in LAYERS]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": list(map(digest, layers))}}).encode()
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["test:latest"], "Layers": names}]
    files = dict(zip(names, layers, strict=True))
    return files | {"config.json": config, "manifest.json": json.dumps(manifest).encode()}


def folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


SHAPES: dict[str, Callable[[Path], Path]] = {
    "folder": lambda path: folder(path / "image", layout()),
    "folder, unpacked": lambda path: folder(path / "image", layout(packed=False)),
    "archive": lambda path: folder(path, {"image.tar": tar(layout())}) / "image.tar",
    "docker save": lambda path: folder(path, {"image.tar": tar(docker_save())}) / "image.tar",
}


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    database = tmp_path / "marker.hdb"
    database.write_text(f"{hashlib.md5(MARKER).hexdigest()}:{len(MARKER)}:Test.Marker\n")  # noqa: S324
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_DATA_HOME": str(tmp_path / "data")}

    def run(*args: str) -> tuple[int, list[dict[str, Any]], str]:
        command = [COMMAND, "scan", "--format", "jsonl", "--all-matches", "--database", database, *args]
        result = subprocess.run(command, capture_output=True, timeout=120, env=environment, check=False)
        reports = [json.loads(line) for line in result.stdout.splitlines()]
        return result.returncode, sorted(reports, key=lambda report: report["path"]), result.stderr.decode()

    return run


@pytest.mark.parametrize("shape", SHAPES)
def test_examines_every_layer_and_says_what_the_finished_image_shows(scan: Scan, tmp_path: Path, shape: str) -> None:
    image = SHAPES[shape](tmp_path)
    status, reports, errors = scan(f"oci:{image}")
    assert (status, errors) == (1, "")
    assert [report["verdict"] for report in reports] == ["infected", "clean", "clean"]
    assert [report["path"].partition(", sha")[0] for report in reports] == [
        f"oci:{image}: layer {number} of 3" for number in (1, 2, 3)
    ]
    found = {hit["artifact"].rpartition(" ▸ ")[2]: hit["description"] for hit in reports[0]["detections"]}
    assert found == {
        "usr/bin/evil": "(not visible in the finished image: layer 2 removes usr/bin/evil)",
        "opt/app/bad": "(not visible in the finished image: layer 2 removes opt/app/bad)",
        "etc/kept": "(visible in the finished image)",
    }


def test_clean_layers_are_known_by_their_digest_wherever_they_are(scan: Scan, tmp_path: Path) -> None:
    first = SHAPES["folder, unpacked"](tmp_path)
    scan(f"oci:{first}")
    second = SHAPES["docker save"](tmp_path)  # the same layers in another shape
    _, reports, _ = scan(f"oci:{second}")
    assert [report.get("known", False) for report in reports] == [False, True, True]
    assert [report["verdict"] for report in reports] == ["infected", "clean", "clean"]


def test_content_that_does_not_have_its_digest_is_examined_and_said(scan: Scan, tmp_path: Path) -> None:
    image = SHAPES["folder, unpacked"](tmp_path)
    scan(f"oci:{image}")
    blob = image / "blobs" / "sha256" / digest(tar(LAYERS[1])).removeprefix("sha256:")
    blob.write_bytes(tar({"usr/bin/swapped": MARKER}))
    _, reports, _ = scan(f"oci:{image}")
    assert reports[1]["verdict"] == "infected"
    assert "not its own" in reports[1]["problems"][0]["detail"]


def test_a_missing_layer_is_a_problem(scan: Scan, tmp_path: Path) -> None:
    image = SHAPES["folder"](tmp_path)
    next(path for path in (image / "blobs" / "sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b").unlink()
    status, reports, _ = scan(f"oci:{image}")
    assert sorted(report["verdict"] for report in reports).count("incomplete") == 1
    assert status in {1, 2}


@pytest.mark.parametrize(
    "files",
    [
        {"index.json": b"{"},
        {"index.json": b"[]" * 3},
        {"index.json": b'{"manifests":[{"digest":"sha256:../../etc/passwd"}]}'},
        {"index.json": b'{"manifests":' + b"[" * 100_000},
        {"manifest.json": b'[{"Config":"config.json","Layers":["x"]}]', "config.json": b'{"rootfs":{"diff_ids":[]}}'},
        {"nothing": b""},
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence(scan: Scan, tmp_path: Path, files: Files) -> None:
    for name in (folder(tmp_path / "image", files), folder(tmp_path, {"image.tar": tar(files)}) / "image.tar"):
        status, reports, errors = scan(f"oci:{name}")
        assert (status, reports) == (3, [])
        assert errors.startswith("freehold: error: oci:")


def test_links_do_not_lead_out_of_an_image(scan: Scan, tmp_path: Path) -> None:
    image = SHAPES["folder"](tmp_path)
    (image / "index.json").rename(tmp_path / "index.json")
    (image / "index.json").symlink_to(tmp_path / "index.json")
    assert scan(f"oci:{image}")[0] == 3


def test_says_when_there_is_no_such_image(scan: Scan) -> None:
    status, _, errors = scan("oci:/nowhere/at/all")
    assert (status, "No such file" in errors) == (3, True)
