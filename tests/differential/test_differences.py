"""Where clamscan does not do what a signature says, the signature counts: the list of docs/clamav-differences.md."""

import pytest
from tests.differential import reference
from tests.differential.generated import NOT_TEXT

from freehold.signatures.languages.clamav_ldb import parse_line


@pytest.mark.parametrize(
    ("pattern", "content", "matches"),
    [
        ("ff(W)0031", NOT_TEXT + b"\xff-\x001", True),
        ("!(W)6161", b"aa" + NOT_TEXT, False),
        ("!(W)6161", NOT_TEXT + b"qaa", True),
        ("(30|0a(00|5f0a)|??)310d", NOT_TEXT + b"q1\r", True),
        ("6161{30-31}6262", NOT_TEXT + b"a" * 40 + b"bb", True),
        ("20ff!(L)??", NOT_TEXT + b" \xff_", False),
        ("20ff!(L)??", NOT_TEXT + b" \xff_q", True),
        ("aabb(cc|ddeeff)11", NOT_TEXT + bytes.fromhex("aabbddeeff"), False),
        ("aabb(cc|ddeeff)11", NOT_TEXT + bytes.fromhex("aabbddeeff11"), True),
        ("6161(W)", NOT_TEXT + b"q" * (131_072 - len(NOT_TEXT) - 2) + b"aaq", False),
    ],
)
def test_the_signature_counts(pattern: str, content: bytes, matches: bool) -> None:
    signature = parse_line(f"A;Engine:51-255,Target:0;0;{pattern}", "test")
    assert reference.matches(signature, content, reference.Facts()) is matches


@pytest.mark.skipif(not reference.pcre_is_there(), reason="libpcre2 is not installed")
def test_many_repetitions_match() -> None:
    signature = parse_line(r"A;Engine:81-255,Target:0;0&1;6d61726b;0/mark(\s\d+){1000,}/", "test")
    assert reference.matches(signature, NOT_TEXT + b"mark" + b" 7" * 1000, reference.Facts())


def test_one_macro_is_enough() -> None:
    signature = parse_line("A;Engine:81-255,Target:0;0&1;aabb;${6-7}12$", "test")
    content = NOT_TEXT + bytes.fromhex("aabb") + b"qqqqqmacro"
    near, far = reference.Facts(macros={12: {15}}), reference.Facts(macros={12: {16}})
    assert reference.matches(signature, content, near)
    assert not reference.matches(signature, content, far)
