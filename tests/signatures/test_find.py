"""Signatures are found by name wherever they stand, with the text that they can be compiled from."""

from pathlib import Path

import pytest

from freehold.model.errors import UsageError
from freehold.model.signature import Rejected
from freehold.signatures.compile import build
from freehold.signatures.find import by_name, by_text, in_file, source_texts

PACK = '[[rule]]\nname = "Own.Rule"\ncondition = "a"\n[rule.patterns]\na = { text = "quizzical" }\n'


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "a.ndb").write_text("# comment\nOwn.Other:0:*:4142434445\r\nOwn.One:0:*:61626364\r\n")
    (tmp_path / "b.ldb").write_text("Own.One;Target:0;0;414243\nOwn.One.More;Target:0;0;414244\nmentions Own.One\n")
    (tmp_path / "c.toml").write_text(PACK)
    (tmp_path / "d.ign2").write_text("Own.Other\n")
    (tmp_path / "readme.txt").write_text("Own.One")
    return tmp_path


def test_all_of_the_name_in_a_folder(sources: Path) -> None:
    found = by_name("Own.One", [sources])
    assert [one.signature.about.source.rpartition("/")[2] for one in found] == ["a.ndb:3", "b.ldb:1"]
    assert [one.text.strip() for one in found] == [b"Own.One:0:*:61626364", b"Own.One;Target:0;0;414243"]
    assert [one.suffix for one in by_name("Own.Other", [sources])] == [".ndb", ".ign2"]
    assert [one.suffix for one in by_name("Own.Rule", [sources])] == [".toml"]
    assert by_name("Own.On", [sources]) == []


def test_the_name_as_clamav_shows_it(sources: Path) -> None:
    assert by_name("Own.One.UNOFFICIAL", [sources]) == by_name("Own.One", [sources])


def test_what_was_found_can_be_compiled(sources: Path, tmp_path: Path) -> None:
    found = [*by_name("Own.One", [sources]), *by_name("Own.Rule", [sources]), *by_text("Own.Two;Target:0;0;aabbccdd")]
    folder = tmp_path / "out"
    folder.mkdir()
    for number, (suffix, text) in enumerate(source_texts(found)):
        (folder / f"{number}{suffix}").write_bytes(text)
    assert build([folder], tmp_path / "bundle").counts == {"clamav-ldb": 2, "clamav-ndb": 1, "pack": 1}


def test_bad_lines_of_a_file_keep_their_numbers(sources: Path) -> None:
    rejected = [one.signature for one in in_file(sources / "b.ldb") if isinstance(one.signature, Rejected)]
    assert [(one.source, one.line) for one in rejected] == [("b.ldb", 3)]


def test_missing_sources_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        by_name("A", [tmp_path / "missing.ldb"])
    with pytest.raises(UsageError, match="No such file"):
        in_file(tmp_path / "missing.ldb")
