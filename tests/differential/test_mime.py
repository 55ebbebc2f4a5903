"""What Freehold takes files for, against ``file``."""

import shutil
from pathlib import Path

import pytest
from tests.differential.mime import compared, files

FOLDERS = [Path("/usr/share"), Path("/usr/lib"), Path("/usr/bin"), Path("/etc")]


@pytest.mark.skipif(not shutil.which("file"), reason="file is not installed")
def test_both_agree_on_what_the_machine_holds() -> None:
    found = compared(files([folder for folder in FOLDERS if folder.is_dir()], 1000, seed=7))
    assert found.count == 1000
    assert found.share >= 0.99, found.different
