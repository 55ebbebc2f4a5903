"""The trial of a release in the sandbox: what it finds fault with, and what it must not mistake for a fault."""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from freehold.frontends.cli import update_tools
from freehold.frontends.cli.update_tools import Tools
from freehold.model.limits import Limits
from freehold.model.report import Detection, Report
from freehold.model.view import View
from freehold.sandbox import lockdown
from freehold.service.pool import Pool
from freehold.service.testfile import EICAR
from freehold.signatures.compile import build
from freehold.updates.client.refusals import Held

pytestmark = [
    pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class Engine:
    """Finds the test file, and does what the name of one of its databases says with a program called ``good-2``."""

    def __init__(self, faults: set[str]) -> None:
        self._faults = faults

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        if view.read(0, 68) == EICAR and "blind" not in self._faults:
            return Report(view.size, detections=[Detection("Eicar", name, 0, 68, "core/eicar.hsb:1", "test")])
        if name == "good-2":
            if "deadly" in self._faults:
                os._exit(7)
            if "wrong" in self._faults:
                return Report(view.size, detections=[Detection("Test.Wrong", name, 0, 1, "core/new.ndb:7")])
        return Report(view.size)


def load(bundles: Sequence[Path]) -> Callable[[int], Engine]:
    return lambda spool: Engine({bundle.name for bundle in bundles})


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Compiled databases by what is wrong with them; the programs of this machine are three small files."""
    good = tmp_path / "bin"
    good.mkdir()
    for number in range(3):
        (good / f"good-{number}").write_bytes(b"program" * (number + 1))
    monkeypatch.setattr(update_tools, "GOOD_FOLDERS", (os.fsencode(good),))
    monkeypatch.setattr(update_tools, "Pool", functools.partial(Pool, load=load))
    monkeypatch.setattr(update_tools.Packages, "verify", lambda *_: True)

    def made(name: str) -> Path:
        (tmp_path / "own.hsb").write_text(f"{1:064x}:1:Own-{name}\n")
        build([tmp_path / "own.hsb"], tmp_path / name)
        return tmp_path / name

    return made


def test_a_good_one(bundles: Callable[[str], Path]) -> None:
    Tools(Held, quiet=True).prove(bundles("good"), bundles("before"))
    Tools(Held, quiet=True).prove(bundles("good"), None)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("deadly", "a worker dies of .*good-2: "),
        ("wrong", r"Test.Wrong \(core/new.ndb:7\) is found in .*good-2, which is good"),
        ("blind", "the EICAR test file is not detected any more"),
    ],
)
def test_a_bad_one(bundles: Callable[[str], Path], fault: str, words: str) -> None:
    for before in (None, bundles("before")):
        with pytest.raises(Held, match=words):
            Tools(Held, quiet=True).prove(bundles(fault), before)


@pytest.mark.parametrize("fault", ["deadly", "wrong"])
def test_what_the_one_before_did_as_well_is_not_its_fault(
    bundles: Callable[[str], Path], tmp_path: Path, fault: str
) -> None:
    (tmp_path / "older").mkdir()
    before = bundles(fault).rename(tmp_path / "older" / fault)
    Tools(Held, quiet=True).prove(bundles(fault), before)


def test_a_file_that_is_not_as_its_package_brought_it_holds_nothing_back(
    bundles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise whoever can change one program could keep all signatures away that detect it."""
    monkeypatch.setattr(update_tools.Packages, "verify", lambda *_: False)
    Tools(Held, quiet=True).prove(bundles("wrong"), None)


def test_one_that_cannot_be_loaded(bundles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update_tools, "Pool", Pool)
    broken = bundles("broken")
    largest = max((path for path in broken.glob("*/*")), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1] + b"?")
    with pytest.raises(Held, match=r"the workers cannot load it: .* is damaged"):
        Tools(Held, quiet=True).prove(broken, None)
