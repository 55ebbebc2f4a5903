"""Any sequence of hops ends where a fresh install does."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.updates.content.content import ENTRIES, STATES

from freehold.model.errors import MalformedInput
from freehold.updates.content.entries import Entry
from freehold.updates.content.releases import Part, Release
from freehold.updates.content.segments import Segment, decode, encode
from freehold.updates.content.spans import LONGEST, chosen, composed, starts
from freehold.updates.content.states import State

CHAINS = st.lists(STATES, min_size=1, max_size=12)


def release(seq: int, base: int) -> Release:
    part = Part(base, "0" * 64, 1)
    return Release(
        "core", seq, 1, "0" * 64, {}, (1, 1), 0, ((1000, 0),), False, (), "0" * 64, part,
        tuple(Part(start, "0" * 64, 1) for start in starts(seq)),
    )  # fmt: skip


def published(chain: list[frozenset[Entry]]) -> dict[tuple[int, int], Segment]:
    """The segments of all releases, each made of earlier ones, as a publisher makes them."""
    states = [State(), *map(State, chain)]
    made: dict[tuple[int, int], Segment] = {}
    for seq in range(2, len(states)):
        made[seq - 1, seq] = states[seq - 1].step_to(states[seq])
        for near, far in zip(starts(seq), starts(seq)[1:], strict=False):
            made[far, seq] = composed(made[far, near], made[near, seq])
    return {key: decode(encode(segment)) for key, segment in made.items()}


@pytest.mark.parametrize(
    ("seq", "expected"),
    [
        (1, []),
        (2, [1]),
        (3, [2, 1]),
        (4, [3, 2, 1]),
        (6, [5, 4, 2, 1]),
        (257, [256, 255, 253, 249, 241, 225, 193, 129, 1]),
    ],
)
def test_spans_are_powers_of_two(seq, expected):
    assert starts(seq) == expected


def test_every_segment_is_made_of_segments_that_were_published():
    for seq in range(2, 1000):
        for near, far in zip(starts(seq), starts(seq)[1:], strict=False):
            assert far in starts(near), (seq, near, far)
    assert min(starts(1000)) == 1000 - LONGEST


@pytest.mark.parametrize("base", [1, 200, 300])
def test_a_client_of_any_age_takes_one_segment_or_the_base_and_one(base):
    new = release(300, base)
    for have in range(300):
        parts = chosen(new, have)
        if have >= 300 - LONGEST:
            assert len(parts) == 1
            assert have - (300 - have) <= parts[0].start <= have or parts[0].start == new.segments[-1].start
        else:
            assert parts[0] is new.base
            assert [part.start <= base for part in parts[1:]] == [True] * (base < 300) if base >= 44 else True
    assert chosen(new, 300) == ()


@settings(max_examples=60, deadline=None)
@given(CHAINS, st.data())
def test_any_hops_end_where_a_fresh_install_does(chain, data):
    made = published(chain)
    last = len(chain)
    base = data.draw(st.integers(1, last))
    state = State(chain[base - 1])  # what a fresh install of the base brings
    at = base
    while at < last:
        target = data.draw(st.integers(at + 1, last))
        (part,) = chosen(release(target, 1), at) if at else (None,)
        state = state.after(made[part.start, target])
        at = target
        assert state.root() == State(chain[at - 1]).root()


@settings(max_examples=30, deadline=None)
@given(CHAINS)
def test_a_segment_serves_everybody_between_its_ends_and_twice(chain):
    for (start, end), segment in published(chain).items():
        expected = State(chain[end - 1]).root()
        for have in range(start, end + 1):
            once = State(chain[have - 1]).after(segment)
            assert once.root() == expected
            assert once.after(segment).root() == expected


@settings(deadline=None)
@given(STATES, STATES, ENTRIES)
def test_a_step_holds_nothing_that_is_not_needed(before, after, extra):
    segment = State(before).step_to(State(after | {extra}))
    assert set(segment.added) == (after | {extra}) - before
    assert len(segment.removed) == len(before - after - {extra})


def test_signatures_that_share_a_tombstone_are_refused(monkeypatch):
    class Same(Entry):
        @property
        def id(self) -> bytes:
            return bytes(16) + hashlib.sha256(self.text).digest()[:16]

    with pytest.raises(MalformedInput, match="the same tombstone"):
        State([Same("ldb", b"a"), Same("ldb", b"b")]).step_to(State([Same("ldb", b"b")]))
