"""A feed as large as real ones: compiling it takes several pieces of work, in a process that is confined."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
from tests.frontends.conftest import Run
from tests.updates.publisher import Publisher

from freehold.signatures.compile import PIECE

pytestmark = pytest.mark.slow

MARKER = b"a marker in a large feed"


def test_a_large_feed_is_compiled_and_used(freehold: Run, tmp_path: Path) -> None:
    lines = [f"{number:064x}:{1000 + number}:Own.Hash-{number}\n" for number in range(2 * PIECE // 70)]
    lines.append(f"{sha256(MARKER).hexdigest()}:{len(MARKER)}:Own.Marker\n")
    publisher = Publisher(tmp_path / "publisher")
    publisher.release(hsb="".join(lines))
    assert (publisher.sources / "own.hsb").stat().st_size > 2 * PIECE
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "data")}
    root = sha256((publisher.public / "metadata" / "1.root.json").read_bytes()).hexdigest()
    assert not freehold("feed", "adopt", publisher.public, "--root-sha256", root, env=environment).returncode
    updated = freehold("update", "--json", env=environment)
    assert (updated.returncode, json.loads(updated.stdout)["outcome"]) == (0, "updated"), updated.stdout
    (tmp_path / "bad").write_bytes(MARKER)
    found = freehold("scan", "--no-history", "--no-cache", tmp_path / "bad", env=environment)
    assert found.returncode == 1
    assert b"Own.Marker" in found.stdout
