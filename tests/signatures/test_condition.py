"""Conditions mean what Python means by the same words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.condition import holds
from freehold.model.errors import MalformedInput
from freehold.signatures.condition import parse_condition

NAMES = ["a", "b", "c_1", "c_2"]

terms = st.recursive(
    st.one_of(
        st.sampled_from([(name, name) for name in NAMES]),
        st.builds(
            lambda count, members: (f"{count} of ({', '.join(members)})", f"(sum([{', '.join(members)}]) >= {count})"),
            st.just(1),
            st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
        ),
        st.just(("any of them", "any([a, b, c_1, c_2])")),
        st.just(("all of them", "all([a, b, c_1, c_2])")),
        st.just(("2 of them", "(sum([a, b, c_1, c_2]) >= 2)")),
        st.just(("all of (c_*)", "(c_1 and c_2)")),
    ),
    lambda inner: st.one_of(
        inner.map(lambda t: (f"({t[0]})", f"({t[1]})")),
        inner.map(
            lambda t: (f"not {t[0]}", f"(not {t[1]})") if " " not in t[0] else (f"not ({t[0]})", f"(not ({t[1]}))")
        ),
        st.tuples(inner, inner).map(lambda t: (f"{t[0][0]} and {t[1][0]}", f"{t[0][1]} and {t[1][1]}")),
        st.tuples(inner, inner).map(lambda t: (f"{t[0][0]} or {t[1][0]}", f"{t[0][1]} or {t[1][1]}")),
    ),
    max_leaves=8,
)


@given(terms, st.sets(st.integers(0, 3)))
def test_conditions_mean_what_python_means(term, occurring):
    text, python = term
    condition = parse_condition(f"{text} or (all of them and not any of them)", NAMES)
    values = {name: number in occurring for number, name in enumerate(NAMES)}
    assert holds(condition, occurring) == eval(python, {}, values)  # noqa: S307 - our own text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a pattern expected"),
        ("a and", "a pattern expected"),
        ("a b", "unexpected 'b'"),
        ("(a or b", "[)] expected"),
        ("x", "no pattern 'x'"),
        ("a", "'b' is never used"),
        ("3 of them", "3 of 2 patterns"),
        ("0 of them", "0 of 2 patterns"),
        ("any of (z_*)", "matches z_"),
        ("a & b", "cannot read"),
        ("(" * 100 + "a", "nested deeper"),
    ],
)
def test_bad_conditions_are_explained(text, reason):
    with pytest.raises(MalformedInput, match=reason):
        parse_condition(text, ["a", "b"])


def test_long_conditions_do_not_exhaust_the_stack():
    parse_condition("not " * 20_000 + "a", ["a"])
    parse_condition(" and ".join(["a"] * 20_000), ["a"])
