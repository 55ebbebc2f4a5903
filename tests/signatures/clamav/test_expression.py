"""Logical expressions: ClamAV's way of splitting them, and what groups hand on."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.model.logical import Comparison, Expression, Group, Leaf, Operator, Relation, evaluate
from freehold.signatures.clamav.expression import parse_expression


def parsed(text: str) -> Expression:
    return parse_expression(text)[0]


def holds(text: str, *counts: int) -> bool:
    return evaluate(parsed(text), counts)


@pytest.mark.parametrize(
    ("loose", "explicit"),
    [
        ("0&1|2", "0&(1|2)"),
        ("0|1&2", "0|(1&2)"),
        ("(0&1|2)", "((0&1)|2)"),
        ("(0|1&2)", "((0|1)&2)"),
        ("0&1&2", "0&(1&2)"),
        ("(((0&1)))", "(0&1)"),
        (" 0 & 1 ", "0&1"),
        ("(0&1)|(2&3)", "((0&1)|(2&3))"),
    ],
)
def test_there_is_no_precedence(loose: str, explicit: str) -> None:
    assert parsed(loose) == parsed(explicit)


def test_the_highest_number_is_told() -> None:
    assert parse_expression("(0&13)|(7>2)")[1] == 13


def test_leaves() -> None:
    assert parsed("3") == Leaf(3)
    assert parsed("3=0") == Leaf(3, Comparison(Relation.EQUAL, 0))
    assert parsed("8==9") == Leaf(8, Comparison(Relation.EQUAL, 9))
    assert parsed("0=2,") == Leaf(0, Comparison(Relation.EQUAL, 2))
    assert parsed("0>2,5") == Leaf(0, Comparison(Relation.MORE, 2))


def test_a_group_may_have_a_comparison_and_a_number_of_members() -> None:
    assert parsed("(0|1|2)>5,2") == Group(Operator.OR, parsed("0|1"), Leaf(2), Comparison(Relation.MORE, 5), 2)


def test_counts_decide() -> None:
    assert holds("0=0", 0)
    assert holds("0<2", 0)
    assert not holds("0", 0)
    assert holds("0>1", 2)
    assert not holds("0>1", 1)


def test_a_false_group_totals_zero() -> None:
    assert holds("(0&1)<2", 5, 0)
    assert holds("(0|1)=0", 0, 0)
    assert not holds("(0&1)>2", 5, 0)
    assert holds("(0&1)>2", 1, 2)


def test_distinct_members_count_even_with_no_matches() -> None:
    assert holds("(0=0|1)>0,2", 0, 1)
    assert not holds("(0|1)>0,2", 3, 0)


def test_an_inner_comparison_hides_its_members_from_the_outer_one() -> None:
    assert holds("((0|1)>0|2)>1,1", 1, 1, 1)
    assert not holds("((0|1)>0|2)>1,2", 1, 1, 1)
    assert holds("((0|1)|2)>1,3", 1, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "(0",
        "0)",
        "0&",
        "&0",
        "a",
        "0&b",
        "0>",
        "(0&1)>",
        "(0&1)x",
        "64",
        "(2(3)&1)",
        "(0&1) ",
        " (0&1)",
        "(0)=1",
        "(" * 500,
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_expression(text)


@given(st.text("0123456789&|()<>=, ", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(MalformedInput):
        expression, highest = parse_expression(text)
        assert evaluate(expression, [1] * (highest + 1)) in {True, False}
