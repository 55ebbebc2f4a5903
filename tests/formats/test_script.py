"""Texts, scripts and pages, against Python's own codecs."""

import base64
import codecs
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.driver import open_one

PLAIN = b"echo 'a command line that is long enough to be looked at'; exit 0\n"
ENCODED = base64.b64encode(PLAIN)


def raw_deflate(content: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(content) + coder.flush()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"<?php eval(base64_decode('%s'));" % ENCODED, id="base64"),
        pytest.param(b"<?php eval(base64_decode(strrev('%s')));" % ENCODED[::-1], id="reversed"),
        pytest.param(
            b"<?php eval(base64_decode(str_rot13('%s')));" % codecs.encode(ENCODED.decode(), "rot13").encode(),
            id="rot13",
        ),
        pytest.param(
            b"<?php eval(gzinflate(base64_decode('%s')));" % base64.b64encode(raw_deflate(PLAIN)), id="deflated"
        ),
        pytest.param(
            b"exec(zlib.decompress(base64.b64decode('%s')))" % base64.b64encode(zlib.compress(PLAIN)), id="zlib"
        ),
        pytest.param(b"x = '%s'\n" % PLAIN.hex().encode(), id="hexadecimal"),
        pytest.param(b'x = "%s" & _\r\n    "%s"\r\n' % (ENCODED[:60], ENCODED[60:]), id="joined strings"),
        pytest.param(
            b"cmd /c powershell -e %s" % base64.b64encode(PLAIN.decode().encode("utf-16-le")), id="powershell"
        ),
        pytest.param(b"ATTACH;ENCODING=BASE64:%s\r\n %s\r\nEND:VEVENT\r\n" % (ENCODED[:64], ENCODED[64:]), id="folded"),
    ],
)
def test_hidden_script_is_found(text):
    assert PLAIN in open_one("text", text).contents


@given(st.binary(max_size=3000))
def test_digests_and_keys_are_not_scripts(content):
    text = b"sha512-" + base64.b64encode(b"\x01\x02\x03" + content) + b"\n"
    assert open_one("text", text).members == []


def test_page_in_an_attribute():
    page = b"<html><iframe srcdoc=\"&lt;script&gt;alert('x')&lt;/script&gt;\"></iframe>"
    assert open_one("html", page).contents == [b"<script>alert('x')</script>"]


@given(st.text(min_size=1, max_size=400).filter(lambda text: not set(text) & set(map(chr, range(32)))))
def test_utf16_becomes_utf8(text):
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert open_one("utf16", mark + text.encode(codec)).contents == [text.encode()]
        if text[0].isascii():
            assert open_one("utf16", text.encode(codec)).contents == [text.encode()]


ENCODED_SCRIPT = (
    b"#@~^eAAAAA==v,.$UmMkwDPD4lDP[W\x7f/~UKYtbUo@#@&q6~qP@!PyPPtnU@#"
    b"@&76,xPr/Gh\x7fPYnaD~~VKUTPn\tW!ot,0K.PDtnPKD[nMPYK~D\x7fw+mOlPZFy&"
    b"**\x7f{R,E@#@&3x9P(W@#@&AAAAAA==^#~@"
)
"""What another implementation of the Script Encoder made of the script below."""

SCRIPT = (
    b"' VBScript that does nothing\r\nIf 1 < 2 Then\r\n\tx = \"some text"
    b', long enough for the order to repeat: 0123456789"\r\nEnd If\r\n'
)


@pytest.mark.parametrize("file_type", ["text", "html"])
def test_encoded_script(file_type):
    opened = open_one(file_type, b'<script language="VBScript.Encode">' + ENCODED_SCRIPT + b"</script>")
    assert SCRIPT in opened.contents
