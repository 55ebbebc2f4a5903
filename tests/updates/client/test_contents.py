"""Signatures on a machine, whatever way they came: always exactly those of the release."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.updates.client.machine import Machine
from tests.updates.client.publisher import Publisher

from freehold.model.errors import TrustError
from freehold.updates.client import contents
from freehold.updates.client.contents import Base, make_base
from freehold.updates.content.entries import Entry
from freehold.updates.content.segments import Segment
from freehold.updates.content.states import State

POOL = [("hsb", f"{number * 7919:064x}:{number}:Test.{number}") for number in range(12)]
POOL += [("ndb", f"Test.N{number}:0:*:{number:02x}616263646566" + "67" * 4) for number in range(4)]
POOL += [("yar", f"rule r{number} {{ condition: false }}\n") for number in range(3)]
POOL += [("fp", f"{number:032x}:{number}:Good.{number}") for number in range(3)]
"""``fp`` allows: what is taken back of it has to be compiled away."""

RELEASES = st.lists(
    st.tuples(st.sets(st.sampled_from(POOL), min_size=1), st.booleans(), st.booleans()), min_size=1, max_size=7
)
"""Signatures of each release; whether a new epoch begins with it; whether the client takes it."""


def by_language(chosen: set[tuple[str, str]]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for language, text in chosen:
        texts.setdefault(language, []).append(text)
    return texts


@settings(max_examples=8, deadline=None)
@given(releases=RELEASES, compacts=st.booleans())
def test_any_sequence_of_hops_equals_a_fresh_install(
    releases: list[tuple[set[tuple[str, str]], bool, bool]], compacts: bool
) -> None:
    least = contents.LEAST_FOR_A_NEW_BASE
    contents.LEAST_FOR_A_NEW_BASE = 3 if compacts else least
    try:
        with TemporaryDirectory() as folder:
            top = Path(folder)
            publisher = Publisher(top / "tree")
            old = Machine(top / "old", publisher.tree, publisher.root_sha256)
            for number, (chosen, epoch, takes) in enumerate(releases):
                publisher.now += 1
                publisher.release(by_language(chosen), epoch=epoch)
                if takes or number == len(releases) - 1:
                    assert old.update(publisher.tree).seq == publisher.seq
                    assert old.signatures() == set(publisher.states[publisher.seq])
            fresh = Machine(top / "fresh", publisher.tree, publisher.root_sha256)
            fresh.update(publisher.tree)
            assert fresh.signatures() == old.signatures()
    finally:
        contents.LEAST_FOR_A_NEW_BASE = least


ENTRIES = st.sets(st.integers(0, 60)).map(lambda numbers: [Entry("hsb", b"%d" % number) for number in numbers])


@settings(max_examples=100, deadline=None)
@given(base=ENTRIES, added=ENTRIES, removed=ENTRIES)
def test_the_state_root_is_that_of_all_entries_one_by_one(
    base: list[Entry], added: list[Entry], removed: list[Entry]
) -> None:
    overlay = Segment(added, frozenset(entry.id[:16] for entry in removed))
    with TemporaryDirectory() as folder:
        make_base(Path(folder, "base"), 1, State(base))
        with Base(Path(folder, "base")) as here:
            assert here.root(overlay) == State(base).after(overlay).root()
            assert set(here.entries().after(here.normalised(overlay))) == set(State(base).after(overlay))


@pytest.mark.parametrize("name", ["ids", "places", "base.json", "content.seg"])
@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_base_that_is_damaged(tmp_path: Path, name: str, damage: str) -> None:
    make_base(tmp_path / "base", 1, State([Entry("hsb", b"1"), Entry("ndb", b"2")]))
    path = tmp_path / "base" / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    with pytest.raises(TrustError, match="damaged"), Base(tmp_path / "base") as base:
        base.entries()


def test_old_generations_go_and_with_them_bases_that_nobody_needs(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "tree")
    machine = Machine(tmp_path / "machine", publisher.tree, publisher.root_sha256)
    for number in range(1, 7):
        publisher.now += 1
        publisher.release({"fp": [f"{number:032x}:{number}:Good.{number}"]})
        machine.update(publisher.tree)
    assert [one.seq for one in machine.generations.all()] == [4, 5, 6]
    assert {path.name for path in machine.generations.bases.iterdir()} == {
        one.base for one in machine.generations.all()
    }
    shutil.rmtree(machine.generations.bases)
    with pytest.raises(TrustError):
        Base(machine.generations.bases / "base-1")
