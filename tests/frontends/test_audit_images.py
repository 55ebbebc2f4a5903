"""An audit sees in images of disks, of containers and of installation media what it sees in a system."""

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.engine.inventory import hives
from tests.frontends.conftest import Run

PACK = """
[pack]
name = "own"
version = "1"
description = "A pack of one's own."

[[entity]]
id = "makers"
name = "Makers"
country = "GB"

[[product]]
id = "tool"
name = "Tool"
entity = "makers"
indicators = [
  { kind = "package", value = "tool", strength = "strong", source = "here" },
  { kind = "service", value = "toold", strength = "strong", source = "here" },
  { kind = "path", value = "/opt/tool/*", strength = "strong", source = "here" },
]
"""
EXPECTED = {("package", "tool"), ("service", "toold"), ("path", "/opt/tool/*")}


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("linux")
    files = {
        "var/lib/dpkg/status": b"Package: tool\nStatus: install ok installed\nVersion: 1\n",
        "etc/systemd/system/toold.service": b"[Service]\nExecStart=/opt/tool/run\n",
        "opt/tool/run": b"#!/bin/sh\n",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def evidence(freehold: Run, folder: Path, *targets: Path) -> set[tuple[str, str]]:
    (folder / "own.policy").write_text(PACK)
    done = freehold("audit", "--policy", folder / "own.policy", "--format", "jsonl", *targets)
    record = json.loads(done.stdout)
    assert record["problems"] == []
    assert done.returncode == (1 if record["findings"] else 0)
    return {(item["kind"], item["value"]) for found in record["findings"] for item in found["evidence"]}


def ext4(root: Path, image: Path) -> None:
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", root, image, "8M"], check=True, capture_output=True)


def fat(root: Path, image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.fat", image], check=True, capture_output=True)
    subprocess.run(["mcopy", "-s", "-i", image, *root.iterdir(), "::/"], check=True, capture_output=True)


def iso(root: Path, image: Path) -> None:
    subprocess.run(["genisoimage", "-quiet", "-R", "-J", "-o", image, root], check=True, capture_output=True)


def squashfs(root: Path, image: Path) -> None:
    subprocess.run(["mksquashfs", root, image, "-quiet", "-no-progress"], check=True, capture_output=True)


def ntfs(root: Path, image: Path) -> None:
    """wimlib writes to a volume that is not mounted."""
    with image.open("wb") as file:
        file.truncate(16 << 20)
    wim = image.with_suffix(".wim")
    subprocess.run(["mkntfs", "-q", "-F", image], check=True, capture_output=True)
    subprocess.run(["wimlib-imagex", "capture", root, wim], check=True, capture_output=True)
    subprocess.run(["wimlib-imagex", "apply", wim, "1", image], check=True, capture_output=True)


def partitioned(root: Path, image: Path) -> None:
    """A disk with a GPT whose only partition is an ext4, as QEMU keeps it."""
    ext4(root, image.with_suffix(".part"))
    raw = image.with_suffix(".raw")
    with raw.open("wb") as file:
        file.seek(1 << 20)
        file.write(image.with_suffix(".part").read_bytes())
        file.truncate(12 << 20)
    subprocess.run(
        ["sfdisk", "-q", raw], input=b"label: gpt\nstart=2048, size=16384\n", check=True, capture_output=True
    )
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, image], check=True, capture_output=True)


def tar(root: Path, image: Path) -> None:
    with tarfile.open(image, "w") as archive:
        archive.add(root, arcname=".")


def saved(root: Path, image: Path) -> None:
    """What 'docker save' writes, with one layer."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name in ("var", "etc", "opt"):
            archive.add(root / name, arcname=name)
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": []}}).encode()
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["a/layer.tar"]}]).encode()
    with tarfile.open(image, "w") as archive:
        for name, content in {"a/layer.tar": layer.getvalue(), "c.json": config, "manifest.json": manifest}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


MAKERS = {
    ext4: "mkfs.ext4",
    fat: "mcopy",
    iso: "genisoimage",
    squashfs: "mksquashfs",
    ntfs: "wimlib-imagex",
    partitioned: "qemu-img",
    tar: "tar",
    saved: "tar",
}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_an_image_of_a_linux(freehold: Run, linux: Path, tmp_path: Path, maker) -> None:
    if not shutil.which(MAKERS[maker]):
        pytest.skip(f"needs {MAKERS[maker]}")
    maker(linux, tmp_path / "image")
    assert evidence(freehold, tmp_path, tmp_path / "image") == EXPECTED


@pytest.mark.skipif(not shutil.which("hivexsh"), reason="needs libhivex-bin")
@pytest.mark.skipif(not shutil.which("wimlib-imagex"), reason="needs wimtools")
def test_a_disk_of_windows(freehold: Run, tmp_path: Path) -> None:
    config = tmp_path / "root/Windows/System32/config"
    config.mkdir(parents=True)
    hives.make(config / "SYSTEM", {r"ControlSet001\Services\toold": {"Type": "dword:0x10"}})
    (tmp_path / "root/opt/tool").mkdir(parents=True)
    (tmp_path / "root/opt/tool/run.exe").write_bytes(b"x")
    ntfs(tmp_path / "root", tmp_path / "image")
    assert evidence(freehold, tmp_path, tmp_path / "image") == EXPECTED - {("package", "tool")}


def test_an_image_without_it(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "root/home/opt/tool").mkdir(parents=True)
    (tmp_path / "root/home/opt/tool/run").write_bytes(b"tool, toold, /opt/tool/run")
    ext4(tmp_path / "root", tmp_path / "image")
    assert evidence(freehold, tmp_path, tmp_path / "image") == set()
