"""``freehold explain``: everything that is known of one file, or what a signature says."""

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


SIGNATURE = "Own.Test;Engine:51-255,Target:1;0&1>2;EP+0:4d5a??6aff;657669{3-5}6c6d::i"


def test_a_signature_in_words(freehold: Run) -> None:
    done = freehold("explain", SIGNATURE)
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "looks at          Windows programs (target 1)" in text
    assert "matches when      0 occurs and 1 occurs more than twice" in text
    assert '  0: bytes, at the entry point\n       4d 5a  "MZ"\n       any 1 byte\n' in text


def test_a_signature_for_programs(freehold: Run) -> None:
    said = json.loads(freehold("explain", "--format", "json", SIGNATURE).stdout)
    assert (said["name"], said["kind"]) == ("Own.Test", "logical signature")
    assert said["parts"][1]["pieces"] == [
        {"hex": "657669", "text": "evi"},
        {"words": "3 to 5 bytes of anything"},
        {"hex": "6c6d", "text": "lm"},
    ]


def test_a_signature_by_name(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "own.ldb").write_text(SIGNATURE + "\n")
    assert b"from              own.ldb:1" in freehold("explain", "--database", tmp_path / "own.ldb", "Own.Test").stdout
    assert b"(rule of a pack)" in freehold("explain", "Webshell.PHP.ClassicPanels").stdout


def test_an_argument_that_is_nothing(freehold: Run, tmp_path: Path) -> None:
    done = freehold("explain", "No.Such.Thing")
    assert done.returncode == 3
    assert b"is no file, has the form of no signature, and no signature has this name" in done.stderr
    done = freehold("explain", "A;Target:0;0;4")
    assert done.returncode == 3
    assert b"cannot be read as a .ldb signature" in done.stderr
