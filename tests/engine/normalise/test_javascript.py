"""The normal form of scripts; ``tests/differential/test_normalise.py`` compares it with ClamAV's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine.normalise.javascript import normalise
from freehold.model.limits import Budget, Limits


def normal(source):
    made = normalise([source], Budget(Limits()))
    assert made.startswith(b"<script>")
    assert made.endswith(b"</script>")
    return made[8:-9]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"var Total = \"a\" + 'B'; /* sum */ ", b'var n000="ab";'),
        (b"function f(a, b) { return a + c.a; } f(a); ", b"function n000(n001,n002){return n001+c.a;}f(a);"),
        (b"x = '\\x41\\u0042\\n\\q'; ", b'x="ab q";'),
        (b"y = 0x1F + 1.50; ", b"y=0 x1f+1.5;"),
        (b"eval('var a;'); a; ", b"var n000;n000;"),
        (b"unescape('%61%u0062'); ", b'"ab";'),
        (b"f((1; ", b"f((1;))"),
        (b"s = 'open ", b's="open "'),
    ],
)
def test_forms(source, expected):
    assert normal(source) == expected


@given(st.binary(max_size=300))
def test_any_bytes_have_a_form(source):
    normal(source)


@pytest.mark.parametrize("unit", [b"a;", b"(", b"'", b"{", b"function(", b"eval('", b"/*", b"\\", b"1.e", b'""+'])
def test_hostile_scripts_end_in_time(unit):
    normal(unit * (100_000 // len(unit)))
