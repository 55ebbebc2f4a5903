"""Every rule of the core pack is explained, finds its samples, and finds nothing in what merely looks alike."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from docs.generate_core_pack import PAGE, render
from tests.core import samples

from freehold.bundle import Bundle
from freehold.engine.matchers import load as load_matchers
from freehold.engine.scan import Engine
from freehold.model.limits import Limits
from freehold.model.report import Detection
from freehold.model.view import BytesView
from freehold.signatures.compile import build

PACKS = sorted(samples.RULES.glob("*.toml"))
ENTRIES = {
    entry["name"]: entry
    for path in PACKS
    for kind in ("rule", "hash")
    for entry in tomllib.loads(path.read_text("utf-8")).get(kind, [])
}
SAMPLES = samples.load()
CATEGORIES = {
    "Botnet": "botnet",
    "Dropper": "dropper",
    "Miner": "miner",
    "Persistence": "persistence",
    "Ransomware": "ransomware",
    "ReverseShell": "reverse-shell",
    "Rootkit": "rootkit",
    "Stealer": "stealer",
    "Test": "test",
    "Tool": "tool",
    "Webshell": "webshell",
}
CLAMAV_TEST_PROGRAM = Path("/usr/share/clamav-testfiles/clam.exe")
SAMPLE_IN_A_PACKAGE = {"Test.ClamAV": CLAMAV_TEST_PROGRAM}
"""Hashes of files that we may not carry: the sample comes from a Debian package."""

Scan = Callable[[bytes], list[Detection]]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    destination = tmp_path_factory.mktemp("core") / "bundle"
    build([samples.RULES], destination, strict=True)
    engine = Engine(load_matchers([Bundle.open(destination)]))
    return lambda data: engine.examine(BytesView(data), "sample", Limits(), all_matches=True).detections


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(name, data, id=f"{name}-{number}")
        for name, entry in SAMPLES.items()
        for number, data in enumerate(getattr(entry, kind), 1)
    ]


@pytest.mark.parametrize(("name", "data"), _cases("positive"))
def test_a_rule_finds_its_sample(scan: Scan, name: str, data: bytes) -> None:
    found = {detection.name: detection for detection in scan(data)}
    assert name in found
    assert found[name].category == ENTRIES[name]["category"]
    assert found[name].verdict == ENTRIES[name].get("verdict", "infected")
    assert found[name].description == ENTRIES[name]["looks_for"]


@pytest.mark.parametrize(("name", "data"), _cases("negative"))
def test_nothing_is_found_in_what_looks_alike(scan: Scan, name: str, data: bytes) -> None:
    assert [detection.name for detection in scan(data)] == [], name


@pytest.mark.skipif(not CLAMAV_TEST_PROGRAM.exists(), reason="needs Debian's clamav-testfiles")
def test_the_test_program_of_clamav_is_found(scan: Scan) -> None:
    program = CLAMAV_TEST_PROGRAM.read_bytes()
    assert [detection.name for detection in scan(program)] == ["Test.ClamAV"]
    assert scan(program[:-1] + b"?") == []


def test_every_rule_has_samples_of_both_kinds() -> None:
    for name in ENTRIES.keys() - SAMPLE_IN_A_PACKAGE.keys():
        assert SAMPLES[name].positive, name
        assert SAMPLES[name].negative, name
    assert SAMPLES.keys() <= ENTRIES.keys()


def test_the_pack_covers_what_it_promises() -> None:
    rules = sum(len(tomllib.loads(path.read_text("utf-8")).get("rule", [])) for path in PACKS)
    assert rules >= 70
    assert {entry["category"] for entry in ENTRIES.values()} == set(CATEGORIES.values())


@pytest.mark.parametrize("name", ENTRIES)
def test_every_rule_explains_itself(name: str) -> None:
    entry = ENTRIES[name]
    assert len(entry["looks_for"]) >= 20
    assert len(entry["why"]) >= 20
    assert entry["why"].endswith(".")
    assert entry["references"]
    assert entry["severity"] in {"low", "medium", "high", "critical"}
    assert entry["category"] == CATEGORIES[name.partition(".")[0]]


def test_names_are_unique() -> None:
    lines = "\n".join(path.read_text("utf-8") for path in PACKS)
    names = Counter(re.findall(r'^name = "(\w+\.[\w.]+)"$', lines, re.MULTILINE))
    assert names.keys() == ENTRIES.keys()
    assert set(names.values()) == {1}


@pytest.mark.parametrize(
    "path", [*PACKS, *samples.FOLDER.glob("*.json"), Path(__file__), PAGE], ids=lambda path: path.name
)
def test_rules_do_not_find_the_text_that_describes_them(scan: Scan, path: Path) -> None:
    assert [detection.name for detection in scan(path.read_bytes())] == []


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == render(), "run: python docs/generate_core_pack.py"
