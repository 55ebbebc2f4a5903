"""Scripts whose strings are spelled out, made by the rules of their languages."""

import base64
import codecs
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.driver import open_one
from tests.formats.test_script import raw_deflate

WORDS = "Invoke-Something 'harmless'; exit"
SHELLCODE = b"\x4d\x5a\x90\x00\x03\x00\x00\x00\xfc\xe8\x82" * 8


def respelled(text: str) -> str:
    return open_one("text", text.encode()).by_name("respelled").decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eval(String.fromCharCode({}))".format(",".join(str(ord(c)) for c in WORDS)), f'eval("{WORDS}")'),
        ("x=[{}]".format(", ".join(hex(ord(c)) for c in WORDS)), f'x=["{WORDS}"]'),
        ("x = {}".format(" & ".join(f"Chr({ord(c)})" for c in WORDS)), f'x = "{WORDS}"'),
        ("x = {}".format(" & _\r\n  ".join(f"ChrW(&H{ord(c):x})" for c in WORDS)), f'x = "{WORDS}"'),
        ("x = {}".format("+".join(f"Chr$({ord(c)})" for c in WORDS)), f'x = "{WORDS}"'),
        ("$x={};".format(".".join(f"cHr({ord(c)})" for c in WORDS)), f'$x="{WORDS}";'),
        ("iex ({})".format("+".join(f"[char]{ord(c)}" for c in WORDS)), f'iex ("{WORDS}")'),
        ("iex ({})".format("+".join(f"[cHAr]({ord(c)})" for c in WORDS)), f'iex ("{WORDS}")'),
        ("$x = '{}'".format("'+'".join("Invoke-Something")), "$x = 'Invoke-Something'"),
        ('x = "{}"'.format('" & _\n    "'.join("Invoke-Something")), 'x = "Invoke-Something"'),
        ("I`n`v`o`k`e-E`x`p`r", "Invoke-Expr"),
        ("$'{}'".format("".join(f"\\x{ord(c):02x}" for c in WORDS)), f"$'{WORDS}'"),
        ("printf '{}'|sh".format("".join(f"\\{ord(c):03o}" for c in WORDS)), f"printf '{WORDS}'|sh"),
        ("x='{}'".format("".join(f"\\u{ord(c):04X}" for c in WORDS)), f"x='{WORDS}'"),
        ("unescape('{}')".format("".join(f"%{ord(c):02x}" for c in WORDS)), f"unescape('{WORDS}')"),
        ("unescape('{}')".format("".join(f"%u{ord(c):04x}" for c in WORDS)), f"unescape('{WORDS}')"),
        ("a={}".format("".join(f"&#{ord(c)};" for c in WORDS)), f"a={WORDS}"),
        ("a={}".format("".join(f"&#x{ord(c):x};" for c in WORDS)), f"a={WORDS}"),
    ],
)
def test_strings_are_read(text, expected):
    assert respelled(text) == expected


def test_carets_within_words_go():
    assert respelled("p^o^w^e^r^s^h^e^l^l -c calc") == "powershell -c calc"


def test_utf7():
    text = "<script>alert('x')</script><b>x</b>"
    shifted = "".join(
        c if c.isalnum() else f"+{base64.b64encode(c.encode('utf-16-be')).decode().rstrip('=')}-" for c in text
    )
    assert respelled(shifted) == text


@pytest.mark.parametrize(
    "text",
    [
        "[Byte[]] $x = {}".format(",".join(f"0x{b:02X}" for b in SHELLCODE)),
        "x = Array({})".format(", _\r\n ".join(str(b) for b in SHELLCODE)),
        'x = "{}"'.format("".join(f"\\x{b:02x}" for b in SHELLCODE)),
        'x = unescape("{}")'.format(
            "".join(f"%u{high:02x}{low:02x}" for low, high in zip(SHELLCODE[::2], SHELLCODE[1::2], strict=True))
        ),
    ],
    ids=["hexadecimal", "decimal", "escapes", "units"],
)
def test_lists_of_bytes_are_content(text):
    assert SHELLCODE in open_one("text", text.encode()).contents


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=20, max_size=60))
def test_character_codes_of_any_text(words):
    text = "eval(String.fromCharCode({}))".format(",".join(str(ord(c)) for c in words))
    assert words in respelled(text)


@pytest.mark.parametrize(
    "text",
    [
        "import os\n\nprint('a' + name, 1 + 2 - 3 + 4)\n" * 20,
        "| a | b | `c` | `d` |\n```\nx\n```\n" * 20,
        "1,2,3,4000,5,6\n" * 50,
        "^[a-z]+\\d{3}\\.\\w+$\n" * 20,
        "https://example.org/?q=%20a&b=1\n" * 20,
    ],
)
def test_usual_texts_are_left_alone(text):
    assert open_one("text", text.encode()).members == []


@pytest.mark.parametrize(
    "flood",
    [b"\\x41" * 300_000, b"Chr(65)&" * 100_000, b"1," * 300_000, b"'+'" * 700_000, b"[char]65+" * 100_000,
     b"^a" * 300_000, b"`a" * 300_000, b"+ADw-" * 300_000, b"&#65;" * 300_000, b"%u0041" * 300_000,
     b"\\" * 2_000_000, b"Chr(" * 500_000,
     b"String.fromCharCode(" * 100_000 + b"," * 20, b"+-" + b"+AA" * 700_000],
    ids=lambda flood: flood[:10].decode(),
)  # fmt: skip
def test_floods_end(flood):
    opened = open_one("text", flood)
    assert not any("seconds" in detail for _, detail in opened.collector.problems)
    assert all(len(content) <= len(flood) for content in opened.contents)


PLAIN = b"echo 'a command line that is long enough to be looked at'; exit 0\n"


@pytest.mark.parametrize("flag", ["-enc", "-EncodedCommand", "/e", "-eC", "-encod"])
@pytest.mark.parametrize("program", ["powershell", "PoWeRsHeLl.exe -nop", "pwsh"])
def test_short_encoded_command(flag, program):
    command = base64.b64encode("calc.exe".encode("utf-16-le")).decode()
    assert open_one("text", f'{program} {flag} "{command}"\r\n'.encode()).contents == [b"calc.exe"]


def turn(content: bytes) -> bytes:
    return codecs.encode(content.decode("latin-1"), "rot13").encode("latin-1")


@pytest.mark.parametrize(
    "text",
    [
        b"<?php eval(gzinflate(str_rot13(base64_decode('%s'))));" % base64.b64encode(turn(raw_deflate(PLAIN * 3))),
        b"<?php eval(str_rot13(gzinflate(base64_decode('%s'))));" % base64.b64encode(raw_deflate(turn(PLAIN * 3))),
        b"<?php eval(str_rot13(gzuncompress(base64_decode('%s'))));" % base64.b64encode(zlib.compress(turn(PLAIN * 3))),
    ],
)
def test_turned_before_or_behind_inflating(text):
    assert PLAIN * 3 in open_one("text", text).contents


@pytest.mark.parametrize(
    "line",
    [
        b"ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=a.bin:%s",
        b"ATTACH;FMTTYPE=application/octet-stream;ENCODING=BASE64;VALUE=BINARY:\r\n %s",
        b"PHOTO;ENCODING=b;TYPE=JPEG:%s",
    ],
)
def test_attachments_of_calendars_and_cards_may_be_anything(line):
    content = bytes(range(5, 200))
    folded = base64.encodebytes(content).rstrip().replace(b"\n", b"\r\n ")
    assert content in open_one("text", b"BEGIN:VEVENT\r\n" + line % folded + b"\r\nEND:VEVENT\r\n").contents
