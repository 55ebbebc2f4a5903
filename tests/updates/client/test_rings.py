"""When a release is taken: the signed schedule, a place in the queue that nobody else knows, and the user's wish."""

import secrets
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.updates.client.machine import Machine
from tests.updates.client.publisher import Publisher

from freehold.updates.client import rings

RINGS = ((10, 0), (100, 3600), (1000, 4 * 3600))
NOW = 1_795_000_000


def test_the_share_of_each_ring_is_as_signed() -> None:
    places = [rings.place(secrets.token_bytes(32), "core", NOW) for _ in range(5000)]
    waits = Counter(rings.due(RINGS, 0, place) for place in places)
    assert set(waits) == {0, 3600, 14_400}
    assert 10 < waits[0] < 110  # 50 are expected; 7 standard deviations
    assert 300 < waits[3600] < 600


def test_a_place_stays_for_a_month_and_is_another_for_another_feed() -> None:
    secret = secrets.token_bytes(32)
    assert rings.place(secret, "core", NOW) == rings.place(secret, "core", NOW + 86_400)
    by_feed = {rings.place(secret, f"feed-{number}", NOW) for number in range(50)}
    by_month = {rings.place(secret, "core", NOW + number * 31 * 86_400) for number in range(50)}
    assert len(by_feed) > 25
    assert len(by_month) > 25


@pytest.mark.parametrize(("place", "wait"), [(0, 0), (9, 0), (10, 3600), (99, 3600), (100, 14_400), (999, 14_400)])
def test_edges(place: int, wait: int) -> None:
    assert rings.due(RINGS, NOW, place) == NOW + wait


@pytest.mark.parametrize(
    ("ring", "age", "word"), [("early", 0, "updated"), ("late", 0, "waiting"), ("late", 5, "updated")]
)
def test_a_client_waits_for_its_turn(tmp_path: Path, ring: str, age: int, word: str) -> None:
    publisher = Publisher(tmp_path / "tree", now=int(time.time()) - 60 - age * 3600)
    publisher.release({"hsb": [f"{1:064x}:1:Test.1"]})
    machine = Machine(tmp_path / "machine", publisher.tree, publisher.root_sha256, ring=ring)
    assert machine.update(publisher.tree).word == "updated", "the first release is taken at once"
    publisher.now += 1
    publisher.release({"hsb": [f"{2:064x}:2:Test.2"]}, urgent=False, rings=RINGS)
    outcome = machine.update(publisher.tree)
    assert outcome.word == word
    if word == "waiting":
        assert (outcome.seq, outcome.offered, outcome.due) == (1, 2, publisher.now + 4 * 3600)
        assert machine.signatures() == set(publisher.states[1])
        publisher.now += 1
        publisher.release({"hsb": [f"{1:064x}:1:Test.1"]}, reverts=(2,), rings=RINGS)
        assert machine.update(publisher.tree).seq == 3, "whoever waited never sees what was taken back meanwhile"
