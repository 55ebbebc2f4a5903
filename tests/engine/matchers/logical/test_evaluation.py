"""Lazy evaluation of logical signatures comes to the reference's result."""

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.differential import reference
from tests.engine.matchers.logical.strategies import BODY_MATCHES, DATA, LANDMARKS, OFFSETS

from freehold.engine.matchers.logical import text as text_module
from freehold.engine.matchers.logical.evaluation import LogicalProgram, Surroundings
from freehold.engine.matchers.logical.gates import gate_of, stands_open
from freehold.engine.matchers.logical.text import Text
from freehold.model.body import Anchor, Body, Bytes, Offset, Part
from freehold.model.filetype import Target
from freehold.model.limits import Budget, Limits
from freehold.model.logical import (
    BodyMatch,
    ByteComparison,
    Comparison,
    Group,
    Leaf,
    MacroMatch,
    Operator,
    Radix,
    RegexMatch,
    Relation,
    TargetDescription,
)
from freehold.model.signature import About, LogicalSignature
from freehold.model.view import BytesView

COMPARISONS = st.builds(Comparison, st.sampled_from(Relation), st.integers(0, 4))


def expressions(count):
    leaves = st.builds(Leaf, st.integers(0, count - 1), st.none() | COMPARISONS)
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            Group, st.sampled_from(Operator), inner, inner, st.none() | COMPARISONS, st.integers(0, 3)
        ),
        max_leaves=6,
    )


REGEXES = st.sampled_from([rb"a.b", rb"a+", rb"^a", rb"b$", rb"[ab]{2}", rb"(?<=a)b", rb"(a)\1", rb"\bA", rb""])
NUMBERS = st.builds(
    ByteComparison,
    st.integers(0, 1),
    st.integers(-3, 6),
    st.sampled_from(Radix),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 2, 4, 8]),
    st.lists(st.builds(Comparison, st.sampled_from(Relation), st.integers(-2, 300)), min_size=1, max_size=2).map(tuple),
)
FLAGS = st.lists(st.sampled_from("ismxAEUgre"), max_size=3).map(lambda f: "".join(c for c in "ismxAEUgre" if c in f))


@st.composite
def signatures(draw):
    subsignatures = [draw(BODY_MATCHES), draw(BODY_MATCHES)]
    if draw(st.booleans()):
        subsignatures.append(RegexMatch(draw(expressions(2)), draw(REGEXES), draw(FLAGS), draw(OFFSETS)))
    if draw(st.booleans()):
        subsignatures.append(draw(NUMBERS))
    if draw(st.booleans()):
        subsignatures.append(MacroMatch(draw(st.integers(0, 3)), draw(st.integers(3, 9)), draw(st.integers(0, 1))))
    expression = draw(expressions(len(subsignatures)))
    return LogicalSignature(About("n", "s:1"), TargetDescription(Target.ANY), expression, tuple(subsignatures))


MACROS = st.dictionaries(st.integers(0, 1), st.sets(st.integers(0, 30), max_size=3), max_size=2)


def holds(signature, data, landmarks=None, macros=None):
    surroundings = Surroundings(
        Text(BytesView(data)),
        lambda: landmarks,
        lambda group: sorted((macros or {}).get(group, ())),
        lambda: None,
        Budget(Limits()),
    )
    return LogicalProgram(signature.expression, signature.subsignatures).holds(surroundings) is not None


@settings(max_examples=800, deadline=None)
@given(signatures(), DATA, LANDMARKS, MACROS)
def test_it_holds_when_the_reference_says_so(signature, data, landmarks, macros):
    facts = reference.Facts(landmarks=landmarks, macros=macros)
    assert holds(signature, data, landmarks, macros) == reference.matches(signature, data, facts)


@settings(max_examples=150, deadline=None)
@given(signatures(), DATA, LANDMARKS, st.integers(0, 2))
def test_literals_that_are_looked_for_together_change_nothing(signature, data, landmarks, alone):
    usual = text_module.LONG, text_module._ALONE, text_module.MOST_PLACES
    text_module.LONG, text_module._ALONE, text_module.MOST_PLACES = 0, alone, 2
    try:
        expected = reference.matches(signature, data, reference.Facts(landmarks=landmarks))
        assert holds(signature, data, landmarks) == expected
    finally:
        text_module.LONG, text_module._ALONE, text_module.MOST_PLACES = usual


A = BodyMatch((Body((Part((Bytes(b"a"),)),)),))


def logical(expression, *subsignatures):
    return LogicalSignature(About("n", "s:1"), TargetDescription(Target.ANY), expression, subsignatures)


def test_a_regular_expression_that_exceeds_its_limits_counts_as_no_match():
    signature = logical(Leaf(1), A, RegexMatch(Leaf(0), rb"(a+)+$"))
    assert not holds(signature, b"a" * 40 + b"b")
    assert holds(signature, b"a" * 10)


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("data", [b"ab", b"abba", b"bba", b"b"])
def test_the_order_of_evaluation_does_not_matter(operator, data):
    both = (A, RegexMatch(Leaf(0), rb"ab"), RegexMatch(Leaf(0), rb"bba", "g"))
    one = logical(Group(operator, Leaf(1), Leaf(2)), *both)
    other = logical(Group(operator, Leaf(2), Leaf(1)), *both)
    assert holds(one, data) == holds(other, data) == reference.matches(one, data, reference.Facts())


FIXED = st.builds(
    lambda values, place: BodyMatch(
        tuple(Body((Part((Bytes(value),)),)) for value in values), Offset(Anchor.START, place)
    ),
    st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"aab"]), min_size=1, max_size=2),
    st.integers(0, 2),
)
"""Bodies at fixed places, as gates are made of."""


def uncompared(count):
    leaves = st.builds(Leaf, st.integers(0, count - 1))
    return st.recursive(leaves, lambda inner: st.builds(Group, st.sampled_from(Operator), inner, inner), max_leaves=4)


GATED = st.builds(
    lambda fixed, other, trigger, regex, expression: LogicalSignature(
        About("n", "s:1"),
        TargetDescription(Target.ANY),
        expression,
        (fixed, other, RegexMatch(trigger, regex, "", Offset())),
    ),
    FIXED,
    FIXED | BODY_MATCHES,
    uncompared(2),
    REGEXES,
    uncompared(3) | expressions(3),
)


@settings(max_examples=400, deadline=None)
@given(GATED, st.text("abc", max_size=6).map(str.encode))
def test_where_a_gate_is_closed_the_reference_finds_nothing(signature, data):
    gate = gate_of(signature.expression, signature.subsignatures)
    event(f"open: {stands_open(gate, BytesView(data))}, gate: {gate is not None}")
    if not stands_open(gate, BytesView(data)):
        assert not reference.matches(signature, data, reference.Facts())


def test_the_gate_of_an_expression_behind_the_beginning_of_an_archive():
    zip_, rar = (
        BodyMatch((Body((Part((Bytes(value),)),)),), Offset(Anchor.START, 0)) for value in (b"PK", b"Rar!\x1a\x07")
    )
    name = RegexMatch(Group(Operator.OR, Leaf(0), Leaf(1)), rb"invoice\.exe", "", Offset())
    gate = gate_of(Leaf(2), (zip_, rar, name))
    assert gate == {(0, b"PK"), (0, b"Rar!\x1a\x07")}
    assert [stands_open(gate, BytesView(data)) for data in (b"PK", b"Rar!\x1a\x07 and", b"x PK", b"P", b"")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert gate_of(Leaf(0, Comparison(Relation.EQUAL, 0)), (zip_,)) is None
    assert gate_of(Leaf(0), (A,)) is None
