"""Random bodies over few byte values, so that they often match random data."""

from hypothesis import strategies as st

from freehold.model.body import Anchor, Body, Bytes, Choice, Edge, Gap, Landmarks, Mark, Neighbour, Offset, Part
from freehold.model.logical import BodyMatch

LETTERS = st.sampled_from(list(b"abAB\n \r-.\0"))
DATA = st.lists(LETTERS, max_size=40).map(bytes)


@st.composite
def runs(draw):
    value = draw(st.lists(LETTERS, min_size=1, max_size=4).map(bytes))
    if draw(st.booleans()):
        return Bytes(value)
    mask = bytes(draw(st.sampled_from([0xFF, 0xF0, 0x0F, 0])) for _ in value)
    return Bytes(bytes(v & m for v, m in zip(value, mask, strict=True)), mask)


EXACT = st.lists(LETTERS, min_size=1, max_size=3).map(lambda v: (Bytes(bytes(v)),))
SEQUENCES = st.lists(runs(), min_size=1, max_size=2).map(tuple)
CHOICES = st.builds(Choice, st.lists(SEQUENCES, min_size=1, max_size=3).map(tuple))
NEGATED = st.lists(
    st.lists(LETTERS, min_size=2, max_size=2).map(lambda v: (Bytes(bytes(v)),)), min_size=1, max_size=3
).map(lambda options: Choice(tuple(options), negated=True))
MARKS = st.builds(Mark, st.sampled_from(Edge), st.booleans())
NEIGHBOURS = st.builds(
    lambda value, minimum, more: Neighbour(value, 0xFF, minimum, minimum + more),
    LETTERS,
    st.integers(0, 3),
    st.integers(0, 3),
)
PARTS = st.builds(
    lambda head, more, left, right, before, after: Part((head, *more), left, right, before, after),
    runs(),
    st.lists(st.one_of(runs(), CHOICES, NEGATED, MARKS), max_size=2),
    st.none() | MARKS,
    st.none() | MARKS,
    st.none() | NEIGHBOURS,
    st.none() | NEIGHBOURS,
)
GAPS = st.builds(
    lambda minimum, more: Gap(minimum, None if more is None else minimum + more),
    st.integers(0, 5),
    st.none() | st.integers(0, 6),
)


@st.composite
def bodies(draw):
    parts = draw(st.lists(PARTS, min_size=1, max_size=3))
    gaps = tuple(draw(GAPS) for _ in parts[1:])
    return Body(tuple(parts), gaps, draw(st.booleans()), draw(st.booleans()))


LANDMARKS = st.none() | st.builds(
    Landmarks,
    st.none() | st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10)), max_size=3).map(tuple),
    st.frozensets(st.integers(0, 30), max_size=3),
)
OFFSETS = st.just(Offset()) | st.builds(
    Offset, st.sampled_from(Anchor), st.integers(-8, 12), st.integers(0, 8), st.integers(0, 3)
)
BODY_MATCHES = st.builds(BodyMatch, st.lists(bodies(), min_size=1, max_size=2).map(tuple), OFFSETS)
