"""Searching with the C library finds what Python's own search finds."""

from hypothesis import given
from hypothesis import strategies as st

from freehold.engine.matchers.logical.memory import find

NEEDLES = st.text("ab\0", min_size=2, max_size=6).map(str.encode)
LENGTHS = st.sampled_from([0, 1, 4094, 4095, 4096, 4097, 9000])


@given(NEEDLES, LENGTHS, st.text("ab\0", max_size=12).map(str.encode), st.integers(0, 9100), st.integers(0, 9100))
def test_as_python_does(needle, before, behind, start, end):
    haystack = b"\0" * before + needle + behind
    assert find(haystack, needle, start, end) == haystack.find(needle, start, end)
