"""``freehold unpack``: what is inside a file, on disk."""

import io
import json
import os
import resource
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.frontends.conftest import Run

HOSTILE = [
    "../../escape",
    "/absolute",
    "a/../../b",
    "C:\\windows\\x",
    "con.txt",
    ".hidden",
    "x" * 400,
    "tab\tname",
    "dot. ",
]


def packed(names: list[str], content: bytes = b"content") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), content + b" %d" % number)
    return data.getvalue()


def test_the_tree_lies_on_disk(freehold: Run, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "outer.tar.gz", "w:gz") as outer:
        inner = tarfile.TarInfo("folder/inner.zip")
        inner.size = len(packed(["deep.txt"]))
        outer.addfile(inner, io.BytesIO(packed(["deep.txt"])))
    done = freehold("unpack", tmp_path / "outer.tar.gz", "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out/outer.tar.d/folder/inner.zip").read_bytes() == packed(["deep.txt"])
    assert (tmp_path / "out/outer.tar.d/folder/inner.zip.d/deep.txt").read_bytes() == b"content 0"
    assert done.stdout.decode().splitlines()[3].startswith("      deep.txt ")


def test_names_cannot_leave_the_folder(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(packed(HOSTILE))
    folder = tmp_path / "below" / "out"
    done = freehold("unpack", "--format", "json", tmp_path / "in.zip", "-o", folder)
    said = json.loads(done.stdout)["artifacts"]
    assert done.returncode == 0
    assert {item["name"] for item in said[1:]} == set(HOSTILE)
    assert {(folder / item["path"]).read_bytes() for item in said[1:]} == {
        b"content %d" % n for n in range(len(HOSTILE))
    }
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {tmp_path / "in.zip", folder / "artifacts.json"} | {folder / item["path"] for item in said[1:]}
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o111 for path in files)
    assert not any(part.startswith(".") for item in said[1:] for part in Path(item["path"]).parts)


def test_equal_names_do_not_meet(freehold: Run, tmp_path: Path) -> None:
    names = ["a", "A", "a/b", "a.d", "artifacts.json"]
    (tmp_path / "in.zip").write_bytes(packed(names))
    said = json.loads(freehold("unpack", "--format", "json", tmp_path / "in.zip", "-o", tmp_path / "out").stdout)
    contents = [(tmp_path / "out" / item["path"]).read_bytes() for item in said["artifacts"][1:]]
    assert contents == [b"content %d" % number for number in range(len(names))]
    assert json.loads((tmp_path / "out/artifacts.json").read_text()) == said["artifacts"]


def test_neutral_content_can_be_turned_back(freehold: Run, eicar: bytes, tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(packed(["evil.com"], eicar))
    assert freehold("unpack", "--neutralize", tmp_path / "in.zip", "-o", tmp_path / "out").returncode == 0
    written = (tmp_path / "out/evil.com.neutral").read_bytes()
    assert bytes(byte ^ 255 for byte in written) == eicar + b" 0"
    assert freehold("scan", tmp_path / "out").returncode == 0


def test_what_could_not_be_unpacked_is_said(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "in.zip").write_bytes(packed(["first", "second"], b"x" * 600))
    done = freehold("unpack", "--max-unpacked", "1000", tmp_path / "in.zip", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert b"limit unpacked_bytes = 1000 reached" in done.stdout
    assert (tmp_path / "out/first").read_bytes() == b"x" * 600 + b" 0"


def test_a_file_that_is_no_container_leaves_an_empty_tree(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("nothing here\n")
    done = freehold("unpack", tmp_path / "plain.txt", "-o", tmp_path / "out")
    assert done.returncode == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["artifacts.json"]


@pytest.mark.parametrize("case", ["full", "file", "folder", "missing"])
def test_bad_use_is_an_error_and_touches_nothing(freehold: Run, tmp_path: Path, case: str) -> None:
    (tmp_path / "in.zip").write_bytes(packed(["a"]))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/kept").write_text("kept")
    source = {"folder": tmp_path / "full", "missing": tmp_path / "none"}.get(case, tmp_path / "in.zip")
    target = {"full": tmp_path / "full", "file": tmp_path / "in.zip"}.get(case, tmp_path / "new")
    before = sorted(tmp_path.rglob("*"))
    done = freehold("unpack", source, "-o", target)
    assert done.returncode == 3
    assert done.stderr.startswith(b"freehold: error: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_loses_nothing_that_was_said(freehold: Run, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: the worker's own limit counts, the report is honest."""
    (tmp_path / "in.zip").write_bytes(packed(["small", "large", "later"], os.urandom(200_000)))
    limit = (300_000, 300_000)
    done = freehold(
        "unpack", tmp_path / "in.zip", "-o", tmp_path / "out",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip
    assert done.returncode == 2
    assert (tmp_path / "out/small").stat().st_size == 200_002
    assert not (tmp_path / "out/later").exists()
    assert b"unreadable" in done.stdout
