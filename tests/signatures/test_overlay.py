"""Small segments on top of a compiled database: shared files, and lists that count for all signatures."""

import hashlib
import os

import pytest
from tests.signatures.test_compile import files_of

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.scan import Engine
from freehold.model.errors import TrustError
from freehold.model.limits import Limits
from freehold.model.view import BytesView
from freehold.signatures import compile as compiler
from freehold.signatures import linewise
from freehold.signatures.compile import build

CONTENT = b"some text that has old-marker-1 and new-marker-2 in it"
OLD = "Old.One;Engine:51-255,Target:0;0;6f6c642d6d61726b6572\n"
NEW = "New.One;Engine:51-255,Target:0;0;6e65772d6d61726b6572\n"


def found(bundle, content=CONTENT):
    report = Engine(load([Bundle.open(bundle)])).examine(BytesView(content), "x", Limits(), all_matches=True)
    assert not report.problems
    return [detection.name for detection in report.detections]


@pytest.fixture
def base(tmp_path):
    (tmp_path / "old.ldb").write_text(OLD)
    (tmp_path / "old.hdb").write_text(
        f"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}:{len(CONTENT)}:Old.Hash\n"
    )
    build([tmp_path / "old.ldb", tmp_path / "old.hdb"], tmp_path / "base", jobs=1)
    return tmp_path / "base"


def overlay(base, name, text, out="out"):
    source = base.parent / name
    source.write_text(text)
    build([source], base.parent / out, base=base, jobs=1)
    return base.parent / out


def test_new_signatures_are_added_and_old_files_shared(base):
    before = files_of(base)
    out = overlay(base, "new.ldb", NEW)
    assert sorted(found(out)) == ["New.One", "Old.Hash", "Old.One"]
    assert files_of(base) == before
    for path in (base / "base").iterdir():
        assert path.samefile(out / "base" / path.name)
    bundle = Bundle.open(out)
    bundle.verify()
    assert [segment.name for segment in bundle.segments] == ["base", "overlay-1"]


def test_overlays_are_stacked_in_place(base):
    first = overlay(base, "new.ldb", NEW)
    overlay(first, "more.ldb", NEW.replace("New.One", "New.Two"))
    assert [segment.name for segment in Bundle.open(first).segments] == ["base", "overlay-1", "overlay-2"]
    assert sorted(found(first)) == ["New.One", "New.Two", "Old.Hash", "Old.One"]


def test_an_ignore_list_counts_for_older_signatures(base):
    assert found(overlay(base, "less.ign2", "Old.One\n")) == ["Old.Hash"]


def test_an_allow_list_counts_for_older_signatures(base):
    allowed = f"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}:{len(CONTENT)}:Known.Good\n"
    out = overlay(base, "good.fp", allowed)
    assert found(out) == []
    assert found(out, CONTENT + b"!") == ["Old.One"]


def test_links_are_not_needed(base, monkeypatch):
    def refuse(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    out = overlay(base, "new.ldb", NEW)
    Bundle.open(out).verify()
    assert not (out / "base" / "abouts.blob").samefile(base / "base" / "abouts.blob")


def test_damage_below_is_found(base):
    (base / "base" / "abouts.blob").write_bytes(b"short")
    with pytest.raises(TrustError, match="truncated or damaged"):
        overlay(base, "new.ldb", NEW)


def test_the_result_does_not_depend_on_the_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "_SMALL", 0)
    monkeypatch.setattr(linewise, "PIECE", 2000)
    lines = [NEW.replace("New.One", f"New.{n}").replace("6e6577", f"{n:06x}") for n in range(300)]
    hashes = [
        f"{hashlib.md5(b'%d' % n, usedforsecurity=False).hexdigest()}:{n % 17 + 1}:Hash.{n}\n" for n in range(300)
    ]
    (tmp_path / "many.ldb").write_text("".join(lines))
    (tmp_path / "many.hdb").write_text("".join(hashes))
    built = []
    for jobs in (1, 2, 3):
        build([tmp_path / "many.ldb", tmp_path / "many.hdb"], tmp_path / f"out-{jobs}", jobs=jobs)
        built.append(files_of(tmp_path / f"out-{jobs}"))
    assert built[0] == built[1] == built[2]
    assert Bundle.open(tmp_path / "out-1").segments[0].counts == {"clamav-ldb": 300, "clamav-hash": 300}
