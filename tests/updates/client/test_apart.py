"""Scans have nothing to do with updates: neither their libraries nor their modules."""

import subprocess
import sys

import pytest

SCAN = """
import sys
from pathlib import Path
from freehold.frontends.cli import main
main(["scan", "--no-history", "--no-cache", sys.argv[1]])
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"tuf", "securesystemslib", "urllib3", "http", "ssl"}, loaded
assert not [name for name in sys.modules if name.startswith("freehold.updates")]
"""

WITHOUT = """
import sys
sys.modules["tuf"] = None
from freehold.frontends.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_scan_loads_nothing_of_updates() -> None:
    done = subprocess.run([sys.executable, "-c", SCAN, __file__], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [["update"], ["update", "status"], ["feed", "adopt", "/", "--root-sha256", "0" * 64]]
)
def test_without_the_libraries_a_sentence_says_how_to_get_them(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.endswith("pip install 'freehold[update]'\n")
