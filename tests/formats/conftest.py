"""A folder with content for the real tools, and a way to run them."""

import random
import shutil
import subprocess

import pytest
from tests.formats import documents

CONTENTS = {
    "tree/text.txt": b"All work and no play makes Jack a dull boy.\n" * 3000,
    "tree/deep/random.bin": random.Random(3).randbytes(200_000),
    "tree/deep/zeros.bin": bytes(100_000),
    "tree/one": b"1",
    "tree/" + "long-" * 30 + "name/" + "x" * 120: b"long names",
}


@pytest.fixture
def tree(tmp_path):
    for name, content in CONTENTS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "tree/empty").write_bytes(b"")
    (tmp_path / "tree/link").symlink_to("text.txt")
    return CONTENTS


@pytest.fixture
def run(tmp_path):
    """Runs a shell command in the folder; skips the test when its tool is missing."""

    def run_command(command: str) -> None:
        tool = command.split(maxsplit=1)[0]
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, capture_output=True)

    return run_command


@pytest.fixture
def compound(tmp_path):
    """Makes a compound file of streams with libgsf."""
    if shutil.which("gsf") is None:
        pytest.skip("gsf is not installed")

    def make(streams: dict[str, bytes]) -> bytes:
        folder = tmp_path / f"in-{len(list(tmp_path.iterdir()))}"
        documents.write_tree(folder, streams)
        subprocess.run(["sh", "-ec", "gsf createole ../out *"], cwd=folder, check=True, capture_output=True)
        return (tmp_path / "out").read_bytes()

    return make
