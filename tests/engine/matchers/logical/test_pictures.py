"""Hashes of pictures: what they are, what cannot have one, and that nobody pays who does not ask for them."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.report import Report, Verdict
from freehold.model.view import BytesView
from freehold.signatures.compile import build

GRADIENT, PLAIN = "ef91ec92e492e492", "8000000000000000"
"""As ``sigtool`` 1.4.6 computes them for the pictures below."""


def gradient() -> Image.Image:
    return Image.radial_gradient("L").crop((0, 0, 200, 120))


def encoded(picture: Image.Image, name: str) -> bytes:
    file = BytesIO()
    picture.save(file, name)
    return file.getvalue()


def examine(content: bytes, folder: Path) -> Report:
    lines = [f"{name};Engine:150-255,Target:5;0;fuzzy_img#{name}" for name in (GRADIENT, PLAIN)]
    (folder / "a.ldb").write_text("\n".join(lines) + "\n")
    build([folder / "a.ldb"], folder / "a.fhdb", jobs=1)
    return Engine(load([Bundle.open(folder / "a.fhdb")])).examine(BytesView(content), "picture", Limits())


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "GIF"])
def test_known_pictures(name: str, tmp_path: Path) -> None:
    """A picture of one colour has nothing but rounding errors, and they must be ClamAV's."""
    for picture, digest in ((gradient(), GRADIENT), (Image.new("RGB", (100, 50), (200, 30, 40)), PLAIN)):
        [detection] = examine(encoded(picture, name), tmp_path).detections
        assert detection.name == digest


def test_a_damaged_picture_has_no_hash_and_is_no_problem(tmp_path: Path) -> None:
    report = examine(encoded(gradient(), "PNG")[:400], tmp_path)
    assert not report.detections
    assert "picture" not in " ".join(problem.detail for problem in report.problems)


def test_a_huge_picture_is_not_fully_examined(tmp_path: Path) -> None:
    report = examine(encoded(Image.new("1", (8000, 6000)), "PNG"), tmp_path)
    assert report.verdict is Verdict.INCOMPLETE
    assert [problem for problem in report.problems if "picture_pixels" in problem.detail]


def test_decoders_are_loaded_only_for_those_who_ask(tmp_path: Path) -> None:
    (tmp_path / "a.ldb").write_text("A;Engine:150-255,Target:5;0;6162636465\n")
    build([tmp_path / "a.ldb"], tmp_path / "a.fhdb", jobs=1)
    program = (
        "import sys; from pathlib import Path; from freehold.bundle import Bundle; "
        "from freehold.engine.matchers import load; "
        f"load([Bundle.open(Path({str(tmp_path / 'a.fhdb')!r}))]); sys.exit('PIL' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
