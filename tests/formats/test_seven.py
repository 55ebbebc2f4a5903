"""The formats of 7-Zip's library against their makers, and against 7z itself."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from tests.formats.driver import Collector, open_one
from tests.formats.images import LARGE

from freehold.engine.identify import identify
from freehold.engine.spool import Spool
from freehold.formats import seven
from freehold.formats.registry import BY_TYPE
from freehold.formats.sevenzip import library
from freehold.model.limits import MIB, Budget, Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, FileView

pytestmark = pytest.mark.skipif(not library.available(), reason="7-Zip's library is not installed")

TESTFILES = Path("/usr/share/clamav-testfiles")
ARCHIVES = {
    "7z": ["7z a out.7z tree", "7z a -mx=9 -ms=off out.7z tree", "7z a -m0=deflate64 out.7z tree"],
    "cab": ["gcab -zc out tree/text.txt tree/deep/random.bin"],
    "arj": ["arj a -r out.arj tree"],
    "wim": ["wimlib-imagex capture tree out.wim --compress=LZX", "7z a -twim out.wim tree"],
    "squashfs": [f"mksquashfs tree out -noappend -comp {method}" for method in ("gzip", "xz", "zstd", "lzo")],
    "cramfs": ["mkfs.cramfs tree out"],
    "fat": ["truncate -s 4M out; mkfs.vfat out; mcopy -s -i out tree ::"],
}
COMMANDS = [(form, command) for form, commands in {**LARGE, **ARCHIVES}.items() for command in commands]


def _made(tmp_path: Path) -> Path:
    return next(path for path in (tmp_path / f"out{end}" for end in ("", ".7z", ".arj", ".wim")) if path.exists())


def _open(form: str, path: Path, limits: Limits | None = None):
    with path.open("rb") as file:
        return open_one(form, FileView(file.fileno(), 0, path.stat().st_size), limits)


@pytest.mark.parametrize(("form", "command"), COMMANDS, ids=str)
def test_members_are_what_was_put_in(form, command, tree, run, tmp_path):
    (tmp_path / "tree/link").unlink()
    tools = [part.split()[0] for part in command.split("; ") if not part.startswith(("for ", "do ", "done"))]
    for tool in tools:
        run(f"{tool} --version || true") if tool != "truncate" else None
    (tmp_path / "disk").write_bytes(bytes(100_000) + b"".join(tree.values()) + bytes(200_000))
    run(command)
    path = _made(tmp_path)
    opened = _open(form, path)
    holes = {"tree/deep/zeros.bin"} if "ext2" in command else set()  # the library cannot read a file that is one hole
    wanted = {hashlib.sha256(content).digest() for name, content in tree.items() if name not in holes}
    if "disk" in command:
        whole = (tmp_path / "disk").read_bytes()
        assert opened.contents[0].rstrip(b"\0") == whole.rstrip(b"\0")
    elif form in ("ntfs", "cab"):
        wanted = {hashlib.sha256(tree[f"tree/{name}"]).digest() for name in ("text.txt", "deep/random.bin")}
        assert wanted <= {hashlib.sha256(content).digest() for content in opened.contents}
    else:
        assert wanted <= {hashlib.sha256(content).digest() for content in opened.contents}
    assert [p for p in opened.collector.problems if "zeros.bin" not in p[1]] == []
    with path.open("rb") as file:
        assert identify(FileView(file.fileno(), 0, path.stat().st_size)) in {form, "iso"}


@pytest.mark.parametrize("name", ["clam.7z", "clam.cab", "clam.arj", "clam.chm"])
def test_known_file_is_found_in_the_test_files(name):
    if not TESTFILES.is_dir():
        pytest.skip("clamav-testfiles is not installed")
    opened = open_one(name.removeprefix("clam."), (TESTFILES / name).read_bytes())
    digests = {hashlib.md5(content, usedforsecurity=False).hexdigest() for content in opened.contents}
    assert "aa15bcf478d165efd2065190eb473bcb" in digests
    assert opened.collector.problems == []


def test_contents_equal_those_of_7z(tree, run, tmp_path):
    run("7z a -ms=on -mx=7 out.7z tree /usr/share/common-licenses")
    run("7z x -oextracted out.7z")
    extracted = [path.read_bytes() for path in (tmp_path / "extracted").rglob("*") if path.is_file()]
    opened = _open("7z", tmp_path / "out.7z")
    assert len(extracted) > 10
    assert {hashlib.sha256(x).digest() for x in extracted if x} <= {hashlib.sha256(x).digest() for x in opened.contents}


@pytest.mark.parametrize("options", ["-psecret", "-psecret -mhe"])
def test_encrypted_members_are_said_to_be(options, tree, run, tmp_path):
    run(f"7z a {options} out.7z tree")
    opened = _open("7z", tmp_path / "out.7z")
    assert opened.kinds == {ProblemKind.ENCRYPTED}
    assert opened.members == []


def test_large_dictionary_is_a_limit(run, tmp_path):
    (tmp_path / "large").write_bytes(bytes(3 * MIB))
    run("7z a -m0=lzma2:d=256m -mmt=1 out.7z large")
    opened = _open("7z", tmp_path / "out.7z", Limits(decoder_memory=MIB))
    assert opened.kinds == {ProblemKind.LIMIT}
    assert opened.members == []


def test_part_of_a_split_archive_is_said_to_be_incomplete(tree, run, tmp_path):
    run("7z a -v50k out.7z tree")
    opened = _open("7z", tmp_path / "out.7z.001")
    assert opened.kinds == {ProblemKind.TRUNCATED}


def test_bomb_ends_at_the_limit_and_what_came_out_is_kept(run, tmp_path):
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(100 * MIB)
    (tmp_path / "first.txt").write_bytes(b"first")
    run("7z a -mx=1 -ms=on out.7z first.txt zeros")
    assert (tmp_path / "out.7z").stat().st_size < 100_000
    opened = _open("7z", tmp_path / "out.7z", Limits(ratio_floor=8 * MIB))
    assert opened.kinds == {ProblemKind.LIMIT}
    assert ("first.txt", b"first") in opened.members
    assert sum(map(len, opened.contents)) < 20 * MIB


def test_total_is_a_limit(run, tmp_path):
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(20 * MIB)
    run("7z a -mx=1 out.7z zeros")
    opened = _open("7z", tmp_path / "out.7z", Limits(unpacked_bytes=4 * MIB))
    assert ProblemKind.LIMIT in opened.kinds
    assert sum(map(len, opened.contents)) <= 5 * MIB


def test_what_follows_the_archive_is_yielded(tree, run, tmp_path):
    run("7z a out.7z tree")
    tail = b"hidden behind the end " * 10
    opened = open_one("7z", (tmp_path / "out.7z").read_bytes() + tail)
    assert ("rest", tail) in opened.members


def test_archives_nest_as_deeply_as_the_limits_allow(run, tmp_path):
    (tmp_path / "0").write_bytes(b"innermost")
    run("7z i > nothing; for i in $(seq 1 16); do 7z a -mx=1 out.7z $((i-1)) >/dev/null; mv out.7z $i; done")
    collector = Collector(Budget(Limits()))
    content = (tmp_path / "16").read_bytes()
    walks = []
    while content.startswith(b"7z"):
        walk = BY_TYPE["7z"].children(BytesView(content), collector)
        walks.append(walk)
        child = next(walk)
        content = b"".join(bytes(piece) for _, piece in child.content.windows(0))
    assert content == b"innermost"
    assert len(walks) == 16
    for walk in walks:
        walk.close()
    assert collector.problems == []


def test_abandoned_walk_leaves_the_next_one_alone(tree, run, tmp_path):
    run("7z a out.7z tree/text.txt tree/one")
    content = (tmp_path / "out.7z").read_bytes()
    for _ in range(40):
        walk = BY_TYPE["7z"].children(BytesView(content), Collector(Budget(Limits())))
        next(walk)
        walk.close()
    assert sorted(open_one("7z", content).names) == ["tree/one", "tree/text.txt"]


def test_large_members_go_to_the_spool_file(run, tmp_path):
    (tmp_path / "large").write_bytes(bytes(range(256)) * 4096 * 12)
    run("7z a -mx=1 out.7z large")
    with (tmp_path / "spool").open("w+b") as file:
        collector = Collector(Budget(Limits()), spool=Spool(file.fileno()))
        walk = BY_TYPE["7z"].children(BytesView((tmp_path / "out.7z").read_bytes()), collector)
        child = next(walk)
        assert isinstance(child.content, FileView)
        assert child.content.read(0, 13 * MIB) == (tmp_path / "large").read_bytes()


def test_missing_library_is_unsupported_and_says_what_to_install(monkeypatch):
    monkeypatch.setattr(library, "_LIBRARY", None)
    monkeypatch.setattr(library, "_READY", {})
    opened = open_one("7z", b"7z\xbc\xaf\x27\x1c" + bytes(100))
    assert opened.kinds == {ProblemKind.UNSUPPORTED}
    assert "p7zip-full" in opened.collector.problems[0][1]


def test_library_has_every_format():
    for form in seven.FORMATS:
        collector = Collector(Budget(Limits()))
        assert list(form.children(BytesView(b"nothing of the kind" * 100), collector)) == []
        assert collector.kinds <= {ProblemKind.MALFORMED, ProblemKind.TRUNCATED}, form.name


def test_rpm_payload_is_what_rpm2cpio_gives(run, tmp_path):
    sample = Path(__file__).parent / "golden/rpm/noarch.rpm"
    run(f"rpm2cpio {sample} > payload")
    opened = open_one("rpm", sample.read_bytes())
    assert open_one("gzip", opened.contents[0]).contents == [(tmp_path / "payload").read_bytes()]


def test_disk_image_becomes_the_disk_again(run, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(b"start" + bytes(300_000) + b"end" + bytes(100_000))
    run("qemu-img convert -c -O qcow2 disk out")
    run("qemu-img convert -O raw out raw")
    expected = (tmp_path / "raw").read_bytes()
    assert _open("qcow2", tmp_path / "out").contents == [expected]
    assert subprocess.run(["cmp", "-n", "400000", disk, tmp_path / "raw"], check=False).returncode == 0
