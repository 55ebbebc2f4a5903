"""Exceptions of a feed that is followed: they reach its own signatures, and those of others only if it may allow."""

import io
import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from freehold.bundle import Bundle
from freehold.engine.matchers import load
from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.report import Verdict
from freehold.model.view import BytesView
from freehold.signatures.compile import build

MARKED = b"a marker of this very test"
PATTERN = f"Own.Pattern:0:*:{MARKED[2:].hex()}\n"
YARA = 'rule Own_Rule { strings: $a = "marker of this very test" condition: $a }\n'
MAIL = (
    b"From: a@example.org\nTo: b@example.org\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n"
    b'<html><body><a href="http://thief.example.net/">www.goodbank.example.com</a></body></html>\n'
)


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("setup.exe", b"nothing")
    return file.getvalue()


ZIP = archive()


def allowing(content: bytes) -> str:
    return f"{sha256(content).hexdigest()}:{len(content)}:Known\n"


Examine = Callable[..., set[tuple[str, Verdict]]]


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """Examine content with a database, and a feed of which the right is given; "" writes none that can be read."""

    def database(folder: Path, files: dict[str, str]) -> Path:
        for suffix, text in files.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"own.{suffix}").write_text(text)
        assert not build([folder], folder / "bundle").rejected
        return folder / "bundle"

    def examined(content: bytes, others: dict[str, str], feed: dict[str, str], right: str) -> set[tuple[str, Verdict]]:
        home = tmp_path / "feed"
        used = database(home / "generations" / "1-1", feed)
        (home / "follow.json").write_text(json.dumps({"may": right}) if right else "{")
        (home / "bundle").symlink_to(used)
        bundles = [Bundle.open(database(tmp_path / "others", others)), Bundle.open(home / "bundle")]
        report = Engine(load(bundles)).examine(BytesView(content), "x", Limits(), all_matches=True)
        return {(detection.name, detection.verdict) for detection in report.detections}

    return examined


EXCEPTIONS = {
    "allowed content": (MARKED, {"ndb": PATTERN}, {"sfp": allowing(MARKED)}),
    "ignored pattern": (MARKED, {"ndb": PATTERN}, {"ign2": "Own.Pattern\n"}),
    "ignored rule": (MARKED, {"yara": YARA}, {"ign2": "Own_Rule\n"}),
    "allowed archive": (ZIP, {"cdb": "Own.Member:CL_TYPE_ZIP:*:\\.exe$:*:*:*:*:*:*\n"}, {"sfp": allowing(ZIP)}),
    "allowed links": (
        MAIL,
        {"pdb": "H:goodbank.example.com\n"},
        {"wdb": "M:thief.example.net:www.goodbank.example.com\n"},
    ),
}


@pytest.mark.parametrize("case", EXCEPTIONS)
@pytest.mark.parametrize("right", ["report", "detect", ""])
def test_exceptions_do_not_reach_others(examine: Examine, case: str, right: str) -> None:
    content, others, exceptions = EXCEPTIONS[case]
    ((_, verdict),) = examine(content, others, exceptions, right)
    assert verdict is (Verdict.SUSPICIOUS if "pdb" in others else Verdict.INFECTED)


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_exceptions_of_one_that_may_allow_do(examine: Examine, case: str) -> None:
    content, others, exceptions = EXCEPTIONS[case]
    assert examine(content, others, exceptions, "allow") == set()


@pytest.mark.parametrize("case", EXCEPTIONS)
@pytest.mark.parametrize("right", ["report", "detect", "allow"])
def test_what_the_user_allows_no_feed_can_forbid(examine: Examine, case: str, right: str) -> None:
    content, signatures, exceptions = EXCEPTIONS[case]
    assert examine(content, exceptions, signatures, right) == set()


@pytest.mark.parametrize("case", EXCEPTIONS)
@pytest.mark.parametrize("right", ["report", "detect", "allow"])
def test_own_exceptions_count_for_own_signatures(examine: Examine, case: str, right: str) -> None:
    content, signatures, exceptions = EXCEPTIONS[case]
    unrelated = {"ndb": f"Own.Unrelated:0:*:{b'nowhere to be found'.hex()}\n"}
    assert examine(content, unrelated, signatures | exceptions, right) == set()


@pytest.mark.parametrize("case", EXCEPTIONS)
def test_what_one_finds_that_may_report_is_suspicious(examine: Examine, case: str) -> None:
    content, signatures, _ = EXCEPTIONS[case]
    unrelated = {"ndb": f"Own.Unrelated:0:*:{b'nowhere to be found'.hex()}\n"}
    ((_, verdict),) = examine(content, unrelated, signatures, "report")
    assert verdict is Verdict.SUSPICIOUS


def test_what_a_feed_takes_back_are_signatures_of_its_own(tmp_path: Path) -> None:
    """Although those of others seem to be from the same place."""
    feed = tmp_path / "feed"
    (feed / "generations" / "1-1").mkdir(parents=True)
    (feed / "follow.json").write_text(json.dumps({"may": "detect"}))
    for name in ("others", "base"):
        (tmp_path / name / "core").mkdir(parents=True)
        (tmp_path / name / "core" / "base.ndb").write_text(PATTERN.replace("Own", name))
    new = tmp_path / "new.ndb"
    new.write_text(PATTERN.replace("Own", "new"))
    build([tmp_path / "others" / "core"], tmp_path / "others.fhdb")
    build([tmp_path / "base" / "core"], tmp_path / "base.fhdb")
    used = feed / "generations" / "1-1" / "bundle"
    build([new], used, base=tmp_path / "base.fhdb", retracted=["core/base.ndb:1"])
    bundles = [Bundle.open(tmp_path / "others.fhdb"), Bundle.open(used)]
    report = Engine(load(bundles)).examine(BytesView(MARKED), "x", Limits(), all_matches=True)
    assert [(found.name, found.source) for found in report.detections] == [
        ("others.Pattern", "core/base.ndb:1"),
        ("new.Pattern", "new.ndb:1"),
    ]
