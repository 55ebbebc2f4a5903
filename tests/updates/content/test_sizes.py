"""What releases cost on the way, measured on real signatures."""

import gzip
import random
from pathlib import Path

import pytest
from backports import zstd

from freehold.updates.content.entries import entries_of
from freehold.updates.content.segments import Segment, encode, pack
from freehold.updates.content.spans import composed
from freehold.updates.content.states import State

DATA = Path("/work/shared/data/clamav")
SHARES = {"main.ldb": (50, 2), "main.hdb": (250, 8), "daily.hsb": (250, 15)}
"""Of each file: signatures that a release adds and removes, four times a day, as a vendor's feed may."""


@pytest.fixture(scope="module")
def steps():
    """Eight releases in a row, of lines held out at random."""
    if not all((DATA / f"{name}.gz").is_file() for name in SHARES):
        pytest.skip("needs ClamAV's public signatures of 2024 and 2025")
    source = random.Random(7)
    lines = {}
    for name in SHARES:
        found = entries_of(name.rpartition(".")[2], gzip.decompress((DATA / f"{name}.gz").read_bytes()))
        lines[name] = source.sample(found, 6000)
    state = State(entry for found in lines.values() for entry in found[3000:])
    made = []
    for number in range(8):
        added = {entry for name, (count, _) in SHARES.items() for entry in lines[name][number * count :][:count]}
        kept = list(state)
        gone = set(source.sample(kept, 25))
        after = State([*(entry for entry in kept if entry not in gone), *added])
        made.append(state.step_to(after))
        state = after
    return made


def test_a_release_of_550_signatures_takes_less_than_20_kb(steps):
    sizes = [len(pack(encode(step))) for step in steps]
    assert 14_000 < sum(sizes) / len(sizes) < 20_000


def test_columns_take_less_than_the_lines(steps):
    for step in steps:
        lines = b"".join(sorted(b"%b\n" % entry.text for entry in step.added)) + b"".join(sorted(step.removed))
        assert len(pack(encode(step))) < 0.95 * len(zstd.compress(lines, level=19))


def test_a_client_that_is_behind_takes_less_than_all_that_it_missed(steps):
    merged = steps[0]
    for step in steps[1:]:
        merged = composed(merged, step)
    assert len(pack(encode(merged))) < 0.95 * sum(len(pack(encode(step))) for step in steps)


def test_a_retraction_takes_tens_of_bytes(steps):
    retraction = Segment((), frozenset(list(steps[0].removed)[:1]))
    assert len(encode(retraction)) == 28
    assert len(pack(encode(retraction))) < 48
