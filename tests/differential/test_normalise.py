"""Normal forms equal those of ClamAV's ``sigtool``, byte for byte, on pages that fit in its window of 8 KiB."""

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.differential.normalise import SIGTOOL, by_sigtool, ours, text_by_sigtool

from freehold.engine.normalise import text
from freehold.model.view import BytesView

pytestmark = pytest.mark.skipif(SIGTOOL is None, reason="needs sigtool (clamav)")

WINDOW = 8191
CORPUS = ("/usr/share/doc", "/usr/share/gtk-doc", "/usr/lib/python3", "/usr/lib/node_modules")
PIECES = [
    *(b"<", b">", b'"', b"'", b"=", b" ", b"\n", b"\t", b"\r", b"&", b";", b"#", b"a", b"B", b"/", b"!", b"--", b"\\"),
    *(b"<script>", b"</script>", b"<style>", b"</style>", b"<!--", b"-->", b"<p>", b"</p>", b"<br/>", b"<b c=d/>"),
    *(b"&amp;", b"&lt;", b"&Agrave;", b"&#65;", b"&#x41;", b"&#x3002;", b"&nosuch;", b"&nbsp;", b"&#39;"),
    *(b"\xc3\xa9", b"\xe3\x80\x82", b"\xa1C", b"\xa1", b"\x80", b"\0", b"\x01", b"word", b"href", b'title="x y"'),
    *(b"data:", b'"data:text/html,', b";base64,", b"%41", b"%", b"<a href=", b'<IMG SRC="', b"a='x' "),
    *(b'<a class="q w" href="/X/y">', b'<img alt=x src="U">', b"<%@ language=x%>"),
    *(b'var x="a"+"b";', b"function f(a,b){return a}", b'eval("1+2");', b'unescape("%41%u1234")', b"1.5e3", b"0x1f"),
    *(b"//c ", b"/*c*/", b"x.y", b"+", b"{", b"}", b"(", b")", b",", b"var", b"\\x41", b"\\u0041"),
]
generated = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def corpus():
    pages = (path for folder in CORPUS for path in sorted(Path(folder).rglob("*.html")))
    return list(itertools.islice((p for p in pages if p.is_file() and 0 < p.stat().st_size <= WINDOW), 120))


def test_real_pages():
    differ = [str(path) for path in corpus() if by_sigtool(path.read_bytes()) != ours(path.read_bytes())]
    assert not differ


@generated
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map(b"".join))
def test_generated_pages(page):
    assert ours(page) == by_sigtool(page)


@generated
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map(b"".join))
def test_generated_scripts(source):
    page = b"<script>" + source + b" </script> "
    assert ours(page) == by_sigtool(page)


PACKER = (
    b"eval(function(p,a,c,k,e,%s){while(c--){if(k[c]){p=p.replace(new RegExp('\\\\b'+c+'\\\\b','g'),k[c])}}return p}"
    b"('0 1=\"2 3\";4(1);',10,5,'var|greeting|Hello|there|alert'.split('|'),0,{}));"
)


@pytest.mark.parametrize(
    "source",
    [
        PACKER % b"d",
        PACKER % b"r",
        b"function u(p,a,c,k,e,d){return p} u('a b=0',62,3,'x|y|z|w'); u('1(0)',62,2,'one|two',0,{});",
        b"dF('%264Dtdsjqu%264Fbmfsu%25311%253%3A%264C%2A1');",
        b"eval(unescape('%61lert%28%22x%22%29;')); next();",
        b"var s='it''s'+\"two\"+'\\x41\\u00e9\\n\\q';",
        b"for (var i = 0, j = [1, 2]; i < 10; i++) { var k = i; o.i = k; } function f(i) { var k; return i + k; }",
        b"x = 0x1F + 1.50 + 1e3 + .5 + 12345678901 + 007;",
        b"a=b/c/d; /re['\"]x/.test(y); // it's here\n next",
    ],
)
def test_scripts_that_hide_something(source):
    page = b"<html><script language=javascript>\n" + source + b"\n</script></html> "
    assert ours(page)["javascript"] == by_sigtool(page)["javascript"]


@generated
@given(st.lists(st.sampled_from([b"Word", b" ", b"\n\n", b"\t", b"\0", b"\x80", b"\x7f", b"\v", b"x"]), min_size=1))
def test_texts(pieces):
    data = b"".join(pieces)
    assert text.normalise(BytesView(data)) == text_by_sigtool(data)
