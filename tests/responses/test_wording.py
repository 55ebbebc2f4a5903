"""How names and numbers are put to people."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.responses.wording import count_text, hex_lines, printable, printable_path, seconds_text, size_text


@given(st.text(st.characters(exclude_categories=())))
def test_printable_is_printable_and_leaves_the_harmless_alone(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == text


@given(st.binary())
def test_a_path_of_any_bytes_can_be_shown(path: bytes) -> None:
    assert printable_path(path).isprintable()


def test_escapes_say_what_they_stand_for() -> None:
    assert printable_path(b"a\xff\x1b") == r"a\xff\x1b"
    assert printable("\u202e\U000e0001") == r"\u202e\U000e0001"


@given(st.binary(max_size=64), st.integers(0, (1 << 32) - 65))
def test_hex_lines_agree_with_xxd_on_the_digits(data: bytes, offset: int) -> None:
    lines = hex_lines(data, offset)
    assert bytes.fromhex("".join(line[10:57] for line in lines)) == data
    assert [int(line[:8], 16) for line in lines] == list(range(offset, offset + len(data), 16))


@pytest.mark.skipif(not shutil.which("hexdump"), reason="hexdump is not installed")
def test_hex_lines_look_like_hexdump() -> None:
    data = bytes(range(20, 62))
    shown = subprocess.run(["hexdump", "-C"], input=data, capture_output=True, check=True).stdout.decode()
    expected = [line.split("|")[1] for line in shown.splitlines() if "|" in line]
    assert [line[59:] for line in hex_lines(data, 0)] == expected


def test_numbers_with_units() -> None:
    assert [size_text(n) for n in (0, 999, 1000, 999_960, 4_600_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.0 MB",
        "4.6 GB",
    ]
    assert [seconds_text(s) for s in (0.0042, 0.5, 59.94, 61, 3700)] == [
        "4.2 ms",
        "0.5 s",
        "59.9 s",
        "1 min 01 s",
        "1 h 01 min",
    ]
    assert [count_text(n, "file") for n in (0, 1, 1234)] == ["0 files", "1 file", "1,234 files"]
