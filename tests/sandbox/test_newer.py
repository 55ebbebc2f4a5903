"""Files that were clean before are compared with the newest segments alone, unless these find something."""

import hashlib
import os
from pathlib import Path

import pytest

from freehold.bundle import Bundle
from freehold.model.report import Report
from freehold.sandbox import lockdown
from freehold.sandbox.modes import Mode
from freehold.service.entry import Entry
from freehold.service.pool import Pool
from freehold.signatures.compile import build

pytestmark = [
    pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

OLD, NEW, ALLOWED = b"what the old segment knows", b"what the new segment knows", b"what both know"


def hashed(content: bytes, name: str) -> str:
    return f"{hashlib.md5(content).hexdigest()}:{len(content)}:{name}\n"  # noqa: S324


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "old.hdb").write_text(hashed(OLD, "Test.Old"))
    (folder / "old.fp").write_text(hashed(ALLOWED, "Test.Allowed"))
    (folder / "new.hdb").write_text(hashed(NEW, "Test.New") + hashed(ALLOWED, "Test.Mistaken"))
    build([folder / "old.hdb", folder / "old.fp"], folder / "old")
    build([folder / "new.hdb"], folder / "new")
    return [folder / "old", folder / "new"]


def examine(bundles: list[Path], older: list[str], content: bytes, mode: Mode = Mode.SANDBOX) -> Report:
    fd = os.memfd_create("content")
    os.write(fd, content)
    entry = Entry(b"name", fd, len(content))
    entry.clean_before = True
    with Pool(bundles, jobs=1, older=older, mode=mode) as pool:
        (finished,) = pool.scan([entry])
    return finished.report


def digests(bundle: Path) -> list[str]:
    return [segment.digest for segment in Bundle.open(bundle).segments]


@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.PROVE])
def test_old_segments_are_left_out_and_new_ones_are_not(bundles: list[Path], mode: Mode) -> None:
    older = digests(bundles[0])
    assert examine(bundles, older, OLD, mode).detections == []  # it was clean, the caller says
    assert [found.name for found in examine(bundles, older, NEW, mode).detections] == ["Test.New"]


def test_an_exception_in_an_old_segment_overrules_the_new_one(bundles: list[Path]) -> None:
    assert examine(bundles[1:], [], ALLOWED).detections != []
    assert examine(bundles, digests(bundles[0]), ALLOWED).detections == []


def test_everything_looks_when_an_old_segment_is_missing(bundles: list[Path]) -> None:
    older = [*digests(bundles[0]), "0" * 32]
    assert [found.name for found in examine(bundles, older, OLD).detections] == ["Test.Old"]
