"""What workers import after lockdown comes from memory, all of it, in every mode."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.model.report import Verdict
from freehold.sandbox.modes import Mode
from freehold.service.entry import Entry
from freehold.service.pool import Pool
from freehold.signatures.compile import build

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

IMPORT_ALL = """
import importlib, sys
import hyperscan, pcre2, yara_x, fcntl, mmap, tempfile
from freehold.sandbox import worker, zygote
from freehold.sandbox.late import PACKAGES, LateModules

worker.preload()
late = LateModules()
late.install()

def refuse(event, arguments):
    if event in ("open", "ctypes.dlopen", "os.listdir", "os.scandir") and arguments[0] is not None:
        raise PermissionError(f"{event} {arguments[0]}")

sys.addaudithook(refuse)
for name in late._modules:
    importlib.import_module(name)
from freehold.engine.normalise.entities import named
from freehold.formats import peimports
assert named(b"eacute") and peimports._ordinals()
try:
    import wave
except ModuleNotFoundError:
    print(len(late._modules), "modules")
"""

PAGE = b"<html><body>na&iuml;ve &hellip; <p>the signature&#115; &eacute; body</p></body></html>"


def test_everything_that_is_kept_can_be_imported_without_opening_a_file():
    result = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[0]) > 80


@pytest.mark.parametrize("written", [True, False], ids=["compiled", "source only"])
@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.PROVE])
def test_a_page_and_its_entities_are_examined_in_a_sandbox(tmp_path: Path, mode: Mode, written: bool, monkeypatch):
    if not written:
        monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "nothing"))
    (tmp_path / "page.ldb").write_text("Test.Page;Engine:51-255,Target:3;0&1;7369676e617475726573;2623783230\n")
    page = tmp_path / "page.html"
    page.write_bytes(PAGE)
    build([tmp_path / "page.ldb"], tmp_path / "bundle", jobs=1)
    with Pool([tmp_path / "bundle"], jobs=1, mode=mode) as pool:
        entry = Entry(bytes(page), os.open(page, os.O_RDONLY), len(PAGE))
        reports = [finished.report for finished in pool.scan([entry])]
    assert [(report.verdict, report.problems) for report in reports] == [(Verdict.INFECTED, [])]
