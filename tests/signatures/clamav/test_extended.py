"""POSIX extended regular expressions: what they match, against ``grep -E``; what is refused."""

import re
import subprocess

import pytest

from freehold.model.errors import MalformedInput
from freehold.signatures.clamav.extended import LONGEST, translate

NAMES = ["first.exe", "FIRST.EXE", "a\\b", "a{b", "x]y", "a-b", "path/to/Second.doc", "aaa", "", "a.b.c", "été"]
EXPRESSIONS = [
    r"\.exe$",
    r"^first",
    r"[\]",
    r"[]x]",
    r"[^]x]y",
    r"a[b-]*b",
    r"[a-]b",
    r"^(a|b)+$",
    r"a{2,3}",
    r"a{3}",
    r"(^a|c$)",
    r"[/\]",
    r"[a-c]\.[^a]",
    r".\{.",
    r"[.]b[.]",
    r"^$",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_matches_what_grep_matches(expression: str) -> None:
    ours = re.compile(translate(expression).encode("latin-1"), re.DOTALL)
    for name in NAMES:
        done = subprocess.run(
            ["grep", "-E", "-q", "-e", expression], input=name.encode() + b"\n", env={"LC_ALL": "C"}, check=False
        )
        assert (ours.search(name.encode()) is not None) is (done.returncode == 0), name


def test_case_can_be_ignored() -> None:
    ours = re.compile(translate("(?i)^FIRST").encode("latin-1"))
    assert ours.search(b"first.exe")


def test_an_escaped_letter_is_itself() -> None:
    assert re.search(translate(r"\d").encode("latin-1"), b"7") is None
    assert re.search(translate(r"\d").encode("latin-1"), b"d")


@pytest.mark.parametrize(
    "expression",
    ["*a", "(?:a)", "a**", "a*+", "(", "[", "[a", "a\\", "[z-a]", "[[.a.]]", "a{3,1}", "x" * (LONGEST + 1)],
)
def test_what_is_wrong_is_refused(expression: str) -> None:
    with pytest.raises(MalformedInput):
        translate(expression)
