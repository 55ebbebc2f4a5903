"""The length of an expression's matches is what Python's own parser of regular expressions says."""

import re._parser

import pytest

from freehold.model.errors import MalformedInput
from freehold.model.signature import Expression
from freehold.signatures.expressions import LONGEST, measure


@pytest.mark.parametrize(
    "regex",
    [
        rb"abc",
        rb"\x41\.\?b",
        rb"a.{0,80}b{3}",
        rb"(foo|ba)r?x",
        rb"^abc$",
        rb"\bfoo\b",
        rb"(?:^|\n)foo",
        rb"a{2000}",
        rb"[a-z]{2,7}[^x]",
        rb"\xff\xfe.{3}",
        b"a\0b",
        b"\xc3\xa9.",
    ],
)
@pytest.mark.parametrize("nocase", [True, False])
def test_lengths(regex, nocase):
    shape = measure(Expression(regex, nocase=nocase))
    assert (shape.shortest, shape.longest) == tuple(re._parser.parse(regex).getwidth())


@pytest.mark.parametrize("regex", [rb"^a", rb"a$", rb"\ba", rb"a\B", rb"\Aa", rb"a\z", rb"(\n|^)a", rb"(?im)a"])
def test_anchored(regex):
    assert measure(Expression(regex)).anchored


@pytest.mark.parametrize("regex", [rb"[$^]a", rb"\$a", rb"\\ba", rb"[^a]b", rb"\^a", rb"[]$]a", rb"a[\]^]"])
def test_not_anchored(regex):
    assert not measure(Expression(regex)).anchored


@pytest.mark.parametrize(
    "regex", [rb"a.*b", rb"a+", rb"a.{0,3000}b", rb"a.{2047}b", rb"x*", rb"(a", rb"a(?=b)", rb"(a)\1", rb""]
)
def test_refused(regex):
    with pytest.raises(MalformedInput):
        measure(Expression(regex))


def test_the_longest_allowed():
    assert measure(Expression(b"a.{%d}b" % (LONGEST - 2))).longest == LONGEST
