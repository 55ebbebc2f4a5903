"""The forms of pages; ``tests/differential/test_normalise.py`` compares them with ClamAV's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.engine.normalise.html import normalise
from freehold.model.errors import LimitReached
from freehold.model.limits import Budget, Limits


def forms(page):
    return normalise(page, Budget(Limits()))


@pytest.mark.parametrize(
    ("page", "nocomment", "notags"),
    [
        (b"<P>Some  Text</P> ", b"<p>some text</p>", b" some text "),
        (b"a<!-- gone -->b", b"ab", b"a b"),
        (b"<a HREF='/X' id = y>t</a> ", b'<a href="/x" id=y>t</a>', b" /X t "),
        (b"1 &lt; 2 &amp;amp; &#65;&nosuch; ", b"1 < 2 &amp; a&nosuch;", b"1 2 amp; "),
        (b"\xe3\x80\x82\xc3\xa9.", b".\xc3\xa9.", b".\xc3\xc3."),
        (b'<img src="data:image/gif;base64,AA" alt=x> ', b'<img src="data"alt=x>', b" "),
    ],
)
def test_forms(page, nocomment, notags):
    made = forms(page)
    assert (made.nocomment, made.notags) == (nocomment, notags)


def test_scripts_keep_their_source():
    made = forms(b"<script>A\r\nb</script><p><style>C D</style><script>'x'</script> ")
    assert made.scripts == (b"A\r b</script>", b"'x'</script> ")
    assert made.nocomment == b'<script>ab</script><p><style>cd</style><script>"x"</script>'


def slow_and_plain(page):
    """The same page twice: alone, and with all its plain runs broken up by a pending character."""
    return forms(page).nocomment, forms(b"<b c=\xe9>" + page).nocomment


@given(
    st.lists(st.sampled_from([b"<p class='x y'>", b'<i a="b c" d>', b"Text ", b"<br />", b"&lt;", b"</p>"])).map(
        b"".join
    )
)
def test_runs_and_tokens_give_the_same(page):
    alone, after_pending = slow_and_plain(page + b"<q r=s>.")
    assert after_pending.removeprefix(b"<b c=>").replace(b"\xe9", b"") == alone


@pytest.mark.parametrize(
    "unit",
    [
        b"<",
        b"<>",
        b"&",
        b"<a ",
        b"<a href=",
        b"\xe9 ",
        b"'",
        b"<x y='",
        b"x=data:,a ",
        b"<!",
        b"&#9",
        b"<script>",
        b"<a b",
    ],
)
def test_hostile_pages_end_in_time(unit):
    page = unit * (200_000 // len(unit))
    assert len(forms(page).nocomment) <= 8 * len(page)
    with pytest.raises(LimitReached):
        normalise(page, Budget(Limits(seconds=-1)))
