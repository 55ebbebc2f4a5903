"""Mirrors and bundles: complete, in the right order, and never older or damaged."""

import hashlib
import shutil
import tarfile

import pytest
from tests.updates.publish.serving import served
from tests.updates.publisher import Publisher, Refused, command, hashes

from freehold.updates.content import heads


@pytest.fixture(scope="module")
def publisher(tmp_path_factory):
    made = Publisher(tmp_path_factory.mktemp("publisher"), "--mirror", "https://mirror.example/core/")
    for count in range(1, 5):
        made.release(hdb=hashes(*range(10 * count)))
    return made


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def needed(publisher):
    """What clients need of the tree: the files that the newest metadata names, and the log."""
    return {
        name: data
        for name, data in files(publisher.public).items()
        if not name.startswith("inputs/")
        and not any(f"-{old}.seg" in name for old in (2, 3) if name.startswith("targets/core"))
    }


@pytest.mark.parametrize("kind", ["folder", "http", "bundle"])
def test_a_copy_has_all_that_clients_need(publisher, tmp_path, kind):
    copy = tmp_path / "copy"
    if kind == "folder":
        command("mirror", publisher.public, copy, "--json")
    elif kind == "http":
        with served(publisher.public) as url:
            assert command("mirror", url, copy, "--json")["seq"] == 4
    else:
        command("bundle", "export", publisher.public, tmp_path / "core.fhb", "--json")
        command("bundle", "import", tmp_path / "core.fhb", copy, "--json")
    got, expected = files(copy), needed(publisher)
    assert {name for name in got if "release.json" not in name} <= expected.keys()
    assert all(expected[name] == data for name, data in got.items())
    members = publisher.head()
    for name in ("head", "log/checkpoint", "log/tile/0/000.p/4", "log/proof/4.tlog-proof", "metadata/1.root.json"):
        assert name in got, name
    assert sum(name.endswith(".seg") for name in got) == 4
    assert sum(name.endswith((".tlog-policy", ".mirrors")) for name in got) == 2
    assert {f"metadata/{name}" for name in members if name.endswith(".json")} - {"metadata/release.json"} <= got.keys()
    assert (copy / "head").stat().st_mtime == (publisher.public / "head").stat().st_mtime


def test_a_second_copy_fetches_only_what_is_new(tmp_path):
    made = Publisher(tmp_path)
    digests = [
        f"{hashlib.sha1(b'%d' % number, usedforsecurity=False).hexdigest()}:9:Own.Hash-{number}\n"
        for number in range(2000)
    ]
    made.release(hdb="".join(digests[:-1]))
    copy = tmp_path / "copy"
    first = command("mirror", made.public, copy, "--json")
    made.release(hdb="".join(digests))
    second = command("mirror", made.public, copy, "--json")
    assert first["bytes"] > 32_000 > 3 * second["bytes"]
    assert heads.decode((copy / "head").read_bytes()) == made.head()


def test_a_copy_with_history_is_enough_to_make_the_next_release(publisher, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(publisher.folder / "repo.json", other)
    command("mirror", publisher.public, other / "public", "--history", "--json")
    for folder in (publisher.folder, other):
        command("build", folder, _sources(tmp_path), "--published", publisher.current().published + 9, "--json")
    assert files(other / "staged") == files(publisher.folder / "staged")
    shutil.rmtree(publisher.folder / "staged")


def _sources(folder):
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "own.hdb").write_text(hashes(*range(7, 60)))
    return folder / "sources"


def test_a_copy_with_inputs_has_the_plan_and_the_signature_files(publisher, tmp_path):
    command("mirror", publisher.public, tmp_path / "copy", "--inputs", "--json")
    release = publisher.current()
    assert (tmp_path / "copy" / "inputs" / release.inputs).is_file()
    assert len(list((tmp_path / "copy" / "inputs").iterdir())) == 2


def test_an_older_tree_never_replaces_a_newer_copy(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    shutil.copytree(made.public, tmp_path / "old")
    made.release(hdb=hashes(1, 2))
    command("mirror", made.public, tmp_path / "copy", "--json")
    before = files(tmp_path / "copy")
    with pytest.raises(Refused, match=r"has release 1, the copy in .* has 2"):
        command("mirror", tmp_path / "old", tmp_path / "copy", "--json")
    assert files(tmp_path / "copy") == before


def test_a_damaged_file_is_not_copied_and_head_stays(tmp_path):
    made = Publisher(tmp_path)
    made.release(hdb=hashes(1))
    command("mirror", made.public, tmp_path / "copy", "--json")
    before = (tmp_path / "copy" / "head").read_bytes()
    made.release(hdb=hashes(1, 2))
    segment = next((made.public / "targets" / "core").glob("*.seg-1-2.seg"))
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    with pytest.raises(Refused, match=r"seg-1-2\.seg is damaged there"):
        command("mirror", made.public, tmp_path / "copy", "--json")
    assert (tmp_path / "copy" / "head").read_bytes() == before


def test_the_same_tree_gives_the_same_bundle(publisher, tmp_path):
    for name in ("one", "two"):
        command("bundle", "export", publisher.public, tmp_path / name, "--json")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as tar:
        members = tar.getmembers()
        assert [member.name for member in members][-3:] == ["log/checkpoint", "metadata/timestamp.json", "head"]
        assert all(member.isreg() and (member.uid, member.mtime) == (0, 0) for member in members)


def test_a_bundle_since_a_release_has_no_base(publisher, tmp_path):
    command("bundle", "export", publisher.public, tmp_path / "some", "--since", "3", "--json")
    with tarfile.open(tmp_path / "some") as tar:
        assert [name.partition(".")[2] for name in tar.getnames() if name.endswith(".seg")] == ["seg-3-4.seg"]
    command("bundle", "import", tmp_path / "some", tmp_path / "copy", "--json")
    assert heads.decode((tmp_path / "copy" / "head").read_bytes()) == publisher.head()


def test_folders_with_something_else_are_left_alone(publisher, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("hello")
    with pytest.raises(Refused, match="not a copy of a repository"):
        command("mirror", publisher.public, tmp_path / "letters", "--json")
    with pytest.raises(Refused, match="no public tree"):
        command("mirror", tmp_path / "letters", tmp_path / "new", "--json")
    assert files(tmp_path / "letters") == {"letter.txt": b"hello"}


@pytest.mark.parametrize("content", [b"", b"not a tar", bytes(10_240), b"x" * 100_000])
def test_what_is_no_bundle_is_refused(tmp_path, content):
    (tmp_path / "x.fhb").write_bytes(content)
    with pytest.raises(Refused, match=r"no bundle|no public tree"):
        command("bundle", "import", tmp_path / "x.fhb", tmp_path / "copy", "--json")
    assert not (tmp_path / "copy").exists()
