"""JavaScript as ClamAV compares it: tokens without comments and blanks, strings joined, variables numbered.

``var Total = "a" + 'B'; /* sum */`` becomes ``var n000="ab";``. Strings lose their escapes, ``unescape`` of a string is
done, and ``eval`` of a string and two well-known packers give way to what they hide (``jsunpack``).
"""

import re
from collections.abc import Iterable, Iterator

from freehold.engine.normalise.jstokens import Kind, Parser, Scope, Token
from freehold.engine.normalise.jsunpack import unescape_strings, unpack
from freehold.model.limits import Budget

MOST_BYTES = 8 << 20
"""Of a longer script only this much is normalised: tokens need some 40 times the memory of their source."""

_FOLDED = bytes(range(256)).lower().translate(bytes.maketrans(b"\t\n\v\f\r", b" " * 5))
_END = b"</script>"
_HIDES = re.compile(rb"eval|unescape|dF|(?<![A-Za-z0-9_$])p(?![A-Za-z0-9_$])")
"""Without one of these nothing is hidden in a way that is undone here."""


def normalise(scripts: Iterable[bytes], budget: Budget) -> bytes:
    """Return the normal forms of a page's scripts, one a line; a script may end with its end tag.

    Raises:
        LimitReached: when time runs out.
    """
    return b"\n".join(_normalise(script[:MOST_BYTES], budget) for script in scripts)


def _normalise(script: bytes, budget: Budget) -> bytes:
    budget.tick()
    parser = Parser(budget)
    parser.feed(script)
    parser.close_string()
    _close_parentheses(parser.tokens)
    if _HIDES.search(script):
        unescape_strings(parser.tokens)
        unpack(parser)
    source = b"<script>" + b"".join(_written(parser.tokens, parser.outermost))
    return source if source.endswith(_END) else source + _END


def _close_parentheses(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.kind is Kind.FIXED:
            depth = depth + 1 if token.text == b"(" else max(depth - 1, 0) if token.text == b")" else depth
    tokens.extend([Token(Kind.FIXED, b")")] * depth)


def _written(tokens: Iterable[Token], scope: Scope) -> Iterator[bytes]:
    """Yield the texts of tokens, with a blank where two words would run together."""
    after_word = False
    for token in tokens:
        if token.kind is Kind.END:
            scope = scope.parent or scope
            continue
        scope = token.scope or scope
        text = _text(token, scope)
        is_name = token.kind is Kind.WORD
        if after_word and (is_name or text[:1].isalnum() or token.kind is Kind.NUMBER):
            yield b" "
        yield text
        after_word = is_name or token.kind is Kind.NUMBER or text[-1:].isalnum()


def _text(token: Token, scope: Scope) -> bytes:
    if token.kind is Kind.STRING:
        return b'"' + token.text.translate(_FOLDED) + b'"'
    if token.kind is Kind.WORD:
        return scope.written(token.text).lower()
    return token.text.lower()
