"""``freehold explain``: everything that is known of one file."""

import json
import zipfile
from pathlib import Path

from tests.frontends.conftest import Run


def archive(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("first.txt", b"nothing here")
        outer.writestr("\x1b[2Jsecond.com", content)
        outer.writestr("last.txt", b"nothing there")
    return path


def test_text_shows_the_tree_the_evidence_and_the_time(freehold: Run, eicar: bytes, tmp_path: Path) -> None:
    result = freehold("explain", archive(tmp_path, eicar))
    text = result.stdout.decode()
    assert (result.returncode, result.stderr) == (1, b"")
    assert "  verdict   INFECTED" in text
    assert "  type      zip" in text
    tree = [line.split("  ")[1] for line in text.partition("What is inside\n")[2].splitlines()[:4]]
    assert tree == ["outer.zip", "├─ first.txt", r"├─ \x1b[2Jsecond.com", "└─ last.txt"]
    assert "00000000  " + eicar[:16].hex(" ") in text
    assert "Where the time went" in text
    assert "\x1b" not in text


def test_json_is_the_report_with_its_artifacts(freehold: Run, eicar: bytes, tmp_path: Path) -> None:
    report = json.loads(freehold("explain", "--format", "json", archive(tmp_path, eicar)).stdout)
    assert report["verdict"] == "infected"
    assert [artifact["depth"] for artifact in report["artifacts"]] == [0, 1, 1, 1]
    assert [artifact["size"] for artifact in report["artifacts"][1:]] == [12, 68, 13]
    assert all(artifact["stages"] for artifact in report["artifacts"])
    assert all(detection["artifact"].endswith("second.com") for detection in report["detections"])


def test_a_clean_file_is_explained_too(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "clean.txt").write_text("nothing here")
    result = freehold("explain", tmp_path / "clean.txt")
    assert result.returncode == 0
    assert b"What matched: 0 signatures" in result.stdout


def test_what_is_no_file_is_an_error(freehold: Run, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", Path("/dev/null")):
        result = freehold("explain", path)
        assert result.returncode == 3
        assert result.stderr.startswith(b"freehold: error: ")
