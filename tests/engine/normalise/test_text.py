"""Text normalisation by its definition, and ClamAV's idea of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine.normalise.text import clamav_text_type, normalise
from freehold.model.view import BytesView

BLANKS = b" \t\n\v\f\r"


def by_definition(text):
    out = bytearray()
    for byte in text:
        if byte in BLANKS:
            if not out.endswith(b" "):
                out += b" "
        elif 32 < byte < 128:
            out += bytes((byte,)).lower()
    return bytes(out)


@given(st.lists(st.sampled_from([b"Ab", b" ", b"\r\n", b"\0", b"\x80", b"\x7f", b"\v\f", b"-"])).map(b"".join))
def test_lower_case_single_blanks_nothing_else(text):
    assert normalise(BytesView(text)) == by_definition(text)


@pytest.mark.parametrize(
    ("head", "text_type"),
    [
        (b"words\r\n\t\x1b[1m", "CL_TYPE_TEXT_ASCII"),
        ("wörter".encode(), "CL_TYPE_TEXT_ASCII"),
        (b"\xff\xfew\0o\0\1\0", "CL_TYPE_TEXT_UTF16LE"),
        (b"\xfe\xff\0w\0o", "CL_TYPE_TEXT_UTF16BE"),
        (b"xx\1\2\3\4\5\6", "CL_TYPE_TEXT_UTF16BE"),
        (b"xx\0\1", "CL_TYPE_BINARY_DATA"),
        (b"xx\xff\xfe\0a", "CL_TYPE_BINARY_DATA"),
        (b"x\0", "CL_TYPE_TEXT_UTF16BE"),
        (b"\0", "CL_TYPE_BINARY_DATA"),
        (b"form feed \v", "CL_TYPE_TEXT_UTF16BE"),
    ],
)
def test_what_clamav_takes_for_text(head, text_type):
    assert clamav_text_type(head) == text_type
