"""Inputs that once failed stay fixed, and seeded random damage finds nothing in a short run."""

import itertools
from pathlib import Path

import pytest
from tests.fuzz.mutate import mutations
from tests.fuzz.runner import load, seeds

HERE = Path(__file__).parent
NAMES = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))
REGRESSIONS = sorted((HERE / "regressions").glob("*/*"))


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: f"{path.parent.name}-{path.name[:24]}")
def test_regression(path):
    load(path.parent.name)(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_damaged_samples_raise_nothing_unexpected(name):
    samples = [path.read_bytes() for path in seeds(name)] or [bytes(64)]
    for data in itertools.islice(mutations(samples, seed=1), 150):
        load(name)(data)
