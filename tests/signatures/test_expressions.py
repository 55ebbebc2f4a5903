"""Expressions of packs are checked and measured, and every match contains one of the needles that stand for it."""

import re

import hyperscan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.model.signature import Expression
from freehold.signatures.expressions import LONGEST, Needle, compile_database, measure


def occurring(shape, data):
    found = set()
    database = compile_database(list(shape.needles))
    database.scratch = hyperscan.Scratch(database)
    database.scan(data, lambda needle, *_: found.add(needle))
    return found


def literals(regex, nocase=False):
    return [needle.regex for needle in measure(Expression(regex, nocase=nocase)).needles]


def hexed(*values):
    return [b"".join(b"\\x%02x" % byte for byte in value) for value in values]


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (rb"abc", [b"abc"]),
        (rb"a.{0,80}bcd", [b"bcd"]),
        (rb"(?:foo|ba)rx", [b"barx", b"foorx"]),
        (rb"curl|wget", [b"curl", b"wget"]),
        (rb"(?:curl\s{1,4}|wget .{3}x)y", [b"curl", b"wget "]),
        (rb"st[o0]len", [b"st0len", b"stolen"]),
        (rb"(?:abcd)?efg", [b"efg"]),
        (rb"open_?doc", [b"open_doc", b"opendoc"]),
        (rb"(?:curl|wget)\shttps?://[^x]", [b"curl", b"wget"]),
        (rb"(?:abcd){2}", [b"abcdabcd"]),
        (rb"\bab\x00c\b", [b"ab\0c"]),
    ],
)
def test_the_rarest_literals_are_chosen(regex, expected):
    assert literals(regex) == hexed(*expected)


@pytest.mark.parametrize("regex", [rb"ab", rb"\d{4}", rb"ab|wget", rb"[a-z]{9}"])
def test_what_has_no_literal_is_looked_for_as_it_is(regex):
    assert literals(regex) == [regex]


def test_case_is_ignored_where_the_expression_ignores_it():
    assert measure(Expression(b"abcd", nocase=True)).needles == (Needle(*hexed(b"abcd"), hyperscan.HS_FLAG_CASELESS),)
    assert measure(Expression(b"(?i)abcd")).needles[0].flags & hyperscan.HS_FLAG_CASELESS


ATOMS = st.sampled_from(
    [rb"a", rb"b", rb"ab", rb"[ab]", rb"[^c]", rb".", rb"\x61", rb"(?:ab|ba)", rb"(?:a|bab|)", rb"\b"]
)
QUANTIFIED = st.builds(
    lambda atom, q: b"(?:" + atom + b")" + q, ATOMS, st.sampled_from([b"", b"?", b"{2}", b"{0,3}", b"{1,2}"])
)
REGEXES = st.recursive(
    QUANTIFIED,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(b"".join)
        | st.lists(inner, min_size=2, max_size=3).map(lambda options: b"(?:" + b"|".join(options) + b")")
    ),
    max_leaves=6,
)


@settings(max_examples=400)
@given(REGEXES, st.lists(st.sampled_from(b"abAB c"), max_size=30).map(bytes), st.booleans())
def test_every_match_contains_a_needle(regex, data, nocase):
    try:
        shape = measure(Expression(regex, nocase=nocase))
    except MalformedInput:
        return
    if re.search(regex, data, re.DOTALL | (re.IGNORECASE if nocase else 0)):
        assert occurring(shape, data)


@pytest.mark.parametrize(
    "regex",
    [
        rb"a.*b",
        rb"a+",
        rb"a.{0,3000}b",
        rb"a.{2047}b",
        rb"x*",
        rb"(a",
        rb"a(?=b)",
        rb"(?<!a)b",
        rb"(?P<n>a)",
        rb"(a)\1",
        rb"[[:alpha:]]x",
        rb"\Qabc\E",
        rb"\p{L}",
        rb"",
        rb"\b",
    ],
)
def test_refused(regex):
    with pytest.raises(MalformedInput):
        measure(Expression(regex))


def test_the_longest_allowed():
    assert measure(Expression(b"a.{%d}b" % (LONGEST - 2))).longest == LONGEST
