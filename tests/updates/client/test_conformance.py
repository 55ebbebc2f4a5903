"""TUF's own conformance suite, through the fetcher and the store that ``freehold update`` uses.

It is not part of this tree. ``git clone https://github.com/theupdateframework/tuf-conformance`` and name the folder in
``FREEHOLD_TUF_CONFORMANCE``.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = 113
"""Cases of the suite at its commit eec841c."""

SUITE = os.environ.get("FREEHOLD_TUF_CONFORMANCE", "")


@pytest.mark.slow
@pytest.mark.skipif(not SUITE, reason="FREEHOLD_TUF_CONFORMANCE names no copy of TUF's conformance suite")
@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
def test_the_whole_suite_without_expected_failures(tmp_path: Path) -> None:
    client = f"{sys.executable} -m freehold.updates.client.conformance"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tuf_conformance"]
    ended = subprocess.run(
        [*command, "--entrypoint", client, "--basetemp", tmp_path / "suite"],
        cwd=SUITE,
        capture_output=True,
        check=False,
        text=True,
        timeout=3600,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    counts = dict(re.findall(r"(\d+) (\w+)", ended.stdout.splitlines()[-1]))
    passed = next(int(number) for number, word in counts.items() if word == "passed")
    assert passed >= CASES
    assert not {"xfailed", "skipped", "xpassed", "failed"}.intersection(counts.values())
