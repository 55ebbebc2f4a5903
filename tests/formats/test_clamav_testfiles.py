"""Debian's ``clamav-testfiles``: the program that each of them hides is found, or the reason why not stands here."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.engine.scan import Engine
from freehold.model.artifact import Artifact
from freehold.model.limits import Budget, Limits
from freehold.model.report import Detection
from freehold.model.view import BytesView

FOLDER = Path("/usr/share/clamav-testfiles")
PROGRAM = "aa15bcf478d165efd2065190eb473bcb"
SIZE = 544

PACKED = frozenset(f"clam-{packer}.exe" for packer in ("aspack", "mew", "pespin", "petite", "upack", "wwpack", "yc"))
"""Programs whose own code must run to unpack them."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="Debian's clamav-testfiles is not installed")


class _Program:
    name = "program"

    def __init__(self) -> None:
        self.found: list[str] = []

    def match(self, artifact: Artifact, budget: Budget) -> Iterator[Detection]:
        content = artifact.view.read(0, SIZE + 1)
        if len(content) == SIZE and hashlib.md5(content, usedforsecurity=False).hexdigest() == PROGRAM:
            self.found.append(artifact.lineage)
        yield from ()


def _names() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.name not in PACKED) if FOLDER.is_dir() else []


@pytest.mark.parametrize("name", _names())
def test_hidden_program_is_found(name):
    matcher = _Program()
    Engine([matcher]).examine(BytesView((FOLDER / name).read_bytes()), name, Limits())
    assert matcher.found


def test_list_is_whole():
    assert len(_names()) + len(PACKED) == 44
