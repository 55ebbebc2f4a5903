"""What Freehold takes files for, against ``file``."""

import shutil
from pathlib import Path

import pytest
from tests.differential.mime import agree, agreements, files, own, peer

FOLDERS = [Path("/usr/share"), Path("/usr/lib"), Path("/usr/bin"), Path("/etc")]


@pytest.mark.skipif(not shutil.which("file"), reason="file is not installed")
def test_both_agree_on_what_the_machine_holds() -> None:
    table = agreements()
    paths = files([folder for folder in FOLDERS if folder.is_dir()], 1000, seed=7)
    pairs = [(path, mime, own(path)) for path, mime in zip(paths, peer(paths), strict=True)]
    different = [(path, mime, file_type) for path, mime, file_type in pairs if not agree(mime, file_type, table)]
    assert len(pairs) == 1000
    assert len(different) <= 10, different
