"""Hexadecimal patterns match what YARA-X matches."""

import re

import pytest
import yara_x
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.signatures.hexpattern import regex_of_hex

byte = st.sampled_from(["41", "42", "4a", "0A"])
token = st.one_of(byte, st.sampled_from(["4?", "?1", "??", "[1]", "[0-2]", "(41 | 42 43)", "(4? | 0A)"]))
pattern = st.builds(
    lambda first, middle, last: " ".join([first, *middle, last]), byte, st.lists(token, max_size=4), byte
)


@settings(deadline=None)
@given(pattern, st.text("ABCJQ\n", max_size=12).map(str.encode))
def test_same_as_yara(text, data):
    rules = yara_x.compile(f"rule r {{ strings: $a = {{ {text} }} condition: $a }}")
    found = re.search(regex_of_hex(text), data, re.DOTALL) is not None
    assert found == bool(yara_x.Scanner(rules).scan(data).matching_rules)


@pytest.mark.parametrize("text", ["4", "4g", "(41", "41)", "[5-2] 41", "??", "41 [", ""])
def test_bad_patterns_are_refused(text):
    with pytest.raises(MalformedInput, match="hex"):
        regex_of_hex(text)
