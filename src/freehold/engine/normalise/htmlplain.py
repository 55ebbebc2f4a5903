"""Runs of a page that need no parser: text, common entities, and tags that are nearly their own normal form.

``PLAIN`` matches as much of a page as it can at once, so that a few operations on the whole run normalise it.
"""

import re

from freehold.engine.normalise.text import lower_blanks, single_blanks

_ENTITIES = (
    (b"&lt;", b"<"),
    (b"&gt;", b">"),
    (b"&quot;", b'"'),
    (b"&nbsp;", b"\xa0"),
    (b"&#39;", b"'"),
    (b"&#x27;", b"'"),
    (b"&amp;", b"&"),
)
_ENTITY = b"|".join(name for name, _ in _ENTITIES)
# Repeated groups below end with an empty alternative: up to 3.11.4, re loses its place when a possessive group that is
# being repeated fails after its first step (https://github.com/python/cpython/issues/106052).
_TEXT = rb"(?:[^<>&\x80-\xff]++|%s)++" % _ENTITY

_END = rb"(?=[ >])"
_BARE = rb"[^ \t\v\f>&'\x80-\xff]"
_NOT_QUOTE = rb"[^\" \t\v\f>&'\x80-\xff]"
_VALUE = rb"=(?!\"?data:)(?:\"%s*+(?:\"| ++%s++)|%s%s*+)" % (_NOT_QUOTE, _BARE, _NOT_QUOTE, _BARE)
"""Quoted up to the quote, or one word past the first blank, or not quoted."""
_ARGUMENT = rb"[^ \t\v\f=>&]++(?:%s|)?+%s" % (_VALUE, _END)
_ADDRESS = rb"[^\x00-\x20\">&'\x80-\xff]*+"


def _up_to(name: bytes) -> bytes:
    """The arguments before the first one of this name."""
    return rb"(?: ++(?!(?i:%s)[ =>])%s|)*+" % (name, _ARGUMENT)


def _with_address(tag: bytes, name: bytes) -> bytes:
    """A tag up to its address, or up to its end when it has none."""
    return rb"%s(?=[ >])%s(?: ++%s=\"(?!data:)%s\"%s|(?= *+>))" % (tag, _up_to(name), name, _ADDRESS, _END)


_OTHER = rb"(?!(?i:a|img|script|style|%@)[ >])[^ \t\v\f>!&][^ \t\v\f>&]*+"
_TAG = rb"<(?:%s|%s|%s)(?: ++%s|)*+ *+>" % (
    _with_address(b"a", b"href"),
    _with_address(b"img", b"src"),
    _OTHER,
    _ARGUMENT,
)

PLAIN = re.compile(rb"(?:%s|%s|)*+" % (_TEXT, _TAG))
"""Text and tags, perhaps none."""
PLAIN_TEXT = re.compile(_TEXT)
"""Text without tags."""

_TAG_WITH_ADDRESS = re.compile(
    rb"<(?:(?:a(?=[ >])%s ++href|img(?=[ >])%s ++src)=\"([^\"]*+)\")?[^>]*+>" % (_up_to(b"href"), _up_to(b"src"))
)
_TEXT_TABLE = bytes(range(256)).lower().translate(bytes.maketrans(bytes(range(1, 32)), b" " * 31))


def markup_of(run: bytes) -> bytes:
    """Return the form without comments; a ``>`` ends a tag, for plain text has none."""
    markup = single_blanks(lower_blanks(run))
    if b">" in markup:
        markup = markup.replace(b"> ", b">").replace(b" >", b">")
    if b"&" in markup:
        for name, character in _ENTITIES:
            markup = markup.replace(name, character)
    return markup


def text_of(run: bytes) -> bytes:
    """Return the form without tags: text and addresses, a blank in place of each tag and entity."""
    if b"<" not in run:
        return single_blanks(_without_entities(run).translate(_TEXT_TABLE))
    parts = _TAG_WITH_ADDRESS.split(run)
    parts[::2] = _without_entities(b"\0".join(parts[::2])).translate(_TEXT_TABLE).split(b"\0")
    first, last = (b"" if parts[0] else b" "), (b"" if parts[-1] else b" ")
    return single_blanks(first + b" ".join(filter(None, parts)) + last)


def _without_entities(text: bytes) -> bytes:
    if b"&" in text:
        for name, _ in _ENTITIES:
            text = text.replace(name, b" ")
    return text
