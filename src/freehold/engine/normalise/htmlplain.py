"""Runs of a page that need no parser: text, and tags that are their own normal form but for capital letters.

``PLAIN`` matches as much of a page as it can at once, so that a few operations on the whole run normalise it.
"""

import re

from freehold.engine.normalise.text import lower_blanks, single_blanks

_END = rb"(?=[ >])"
_BARE = rb"[^ \t\v\f>&'\x80-\xff]"
_NOT_QUOTE = rb"[^\" \t\v\f>&'\x80-\xff]"
_VALUE = rb"=(?!\"?data:)(?:\"%s*+(?:\"| %s++)|%s%s*+)" % (_NOT_QUOTE, _BARE, _NOT_QUOTE, _BARE)
"""A value that is its own normal form: quoted up to the quote, or one word past the first blank, or not quoted."""
_ARGUMENT = rb"[^ \t\v\f=>]++(?:%s)?+%s" % (_VALUE, _END)


def _address_in(tag: bytes, name: bytes, address: bytes) -> bytes:
    """A tag up to its first argument of this name, or up to its end when it has none.

    An address with capital letters is not plain: they are kept where everything else becomes lower case.
    """
    others = rb"(?: (?!(?i:%s)[ =>])%s)*+" % (name, _ARGUMENT)
    return rb"%s(?=[ >])%s(?: %s=\"(?!data:)%s\"%s|(?=>))" % (tag, others, name, address, _END)


_ADDRESS = rb"[^\x00-\x20\">&'A-Z\x80-\xff]*+"
_OTHER = rb"(?!(?i:a|img|script|style|%@)[ >])[^ \t\v\f>!][^ \t\v\f>]*+"
_TAG = rb"<(?:%s|%s|%s)(?: %s)*+>" % (
    _address_in(b"a", b"href", _ADDRESS),
    _address_in(b"img", b"src", _ADDRESS),
    _OTHER,
    _ARGUMENT,
)
PLAIN = re.compile(rb"(?:[^<>&\x80-\xff]++|%s)++" % _TAG)

_TAG_WITH_ADDRESS = re.compile(
    rb"<(?:(?:a(?=[ >])%s href|img(?=[ >])%s src)=\"([^\"]*+)\")?+[^>]*+>"
    % (rb"(?: (?!href[ =>])%s)*+" % _ARGUMENT, rb"(?: (?!src[ =>])%s)*+" % _ARGUMENT)
)
_CONTROLS_BLANK = bytes.maketrans(bytes(range(32)), b" " * 32)


def markup_of(run: bytes) -> bytes:
    """Return the form without comments; a ``>`` ends a tag, for plain text has none."""
    return single_blanks(lower_blanks(run)).replace(b"> ", b">")


def text_of(run: bytes) -> bytes:
    """Return the form without tags: text and addresses, a blank in place of each tag."""
    parts = _TAG_WITH_ADDRESS.split(run)
    first, last = (b"" if parts[0] else b" "), (b"" if parts[-1] else b" ")
    text = first + b" ".join(filter(None, parts)) + last
    return single_blanks(text.lower().translate(_CONTROLS_BLANK))
